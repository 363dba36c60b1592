// The library that `CArrow` loads when a process first needs Parquet: it is linked to Apache Arrow, the program is not.
#ifndef STEWARD_ARROW_H
#define STEWARD_ARROW_H

#ifdef __cplusplus
extern "C" {
#endif

/// The table of Functions.hpp; NULL when this was built without Apache Arrow.
const void *steward_arrow_1(void);

#ifdef __cplusplus
}
#endif

#endif
