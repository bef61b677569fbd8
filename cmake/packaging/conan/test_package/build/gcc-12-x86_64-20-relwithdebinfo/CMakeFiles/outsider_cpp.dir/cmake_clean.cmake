file(REMOVE_RECURSE
  "CMakeFiles/outsider_cpp.dir/main.cpp.o"
  "CMakeFiles/outsider_cpp.dir/main.cpp.o.d"
  "outsider_cpp"
  "outsider_cpp.pdb"
)

# Per-language clean rules from dependency scanning.
foreach(lang CXX)
  include(CMakeFiles/outsider_cpp.dir/cmake_clean_${lang}.cmake OPTIONAL)
endforeach()
