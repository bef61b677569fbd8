# Empty dependencies file for outsider_cpp.
# This may be replaced when dependencies are built.
