#include <fetched.hpp>
int main() { return fetched(); }
