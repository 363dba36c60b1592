// cfitsio, loaded when the first FITS file is opened.
//
// cfitsio brings some thirty other libraries (curl among them), and loading those takes longer than a short command.
// Types, constants and signatures are those of the installed <fitsio.h>; CFITSIO.c defines the functions that Steward
// uses, which call those of the library.

#ifndef STEWARD_CFITSIO_H
#define STEWARD_CFITSIO_H

#if __has_include(<fitsio.h>)
#include <fitsio.h>
#else
#include <cfitsio/fitsio.h>
#endif

/// Loads the library, once. Returns why it cannot be used, or null. To be called before any function of cfitsio.
const char *_Nullable steward_cfitsio_problem(void);

#endif
