file(REMOVE_RECURSE
  "CMakeFiles/outsider_c.dir/main.c.o"
  "CMakeFiles/outsider_c.dir/main.c.o.d"
  "outsider_c"
  "outsider_c.pdb"
)

# Per-language clean rules from dependency scanning.
foreach(lang C)
  include(CMakeFiles/outsider_c.dir/cmake_clean_${lang}.cmake OPTIONAL)
endforeach()
