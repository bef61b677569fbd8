# filled by the examples' own change
