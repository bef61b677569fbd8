module openexec.example/overhead

go 1.21

require openexec.example/openexec v0.0.0

replace openexec.example/openexec => ../../../../capi/bindings/go
