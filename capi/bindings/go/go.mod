module openexec.example/openexec

go 1.21
