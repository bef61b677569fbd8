# Empty dependencies file for outsider_c.
# This may be replaced when dependencies are built.
