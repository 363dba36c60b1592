// What glibc offers to tune its allocator.
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif
