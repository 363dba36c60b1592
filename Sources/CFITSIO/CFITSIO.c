#include "CFITSIO.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#define TEXT_OF(value) #value
#define TEXT(macro) TEXT_OF(macro)

// Each function: its result, name, parameters and arguments.
#define CFITSIO_FUNCTIONS(X) \
    X(int, ffclos, (fitsfile *file, int *status), (file, status)) \
    X(void, ffcmsg, (void), ()) \
    X(int, ffcrimll, \
      (fitsfile *file, int bitpix, int naxis, LONGLONG *naxes, int *status), \
      (file, bitpix, naxis, naxes, status)) \
    X(int, ffcrtb, \
      (fitsfile *file, int tbltype, LONGLONG rows, int tfields, char **ttype, char **tform, char **tunit, \
       const char *extname, int *status), \
      (file, tbltype, rows, tfields, ttype, tform, tunit, extname, status)) \
    X(int, ffdkey, (fitsfile *file, const char *keyname, int *status), (file, keyname, status)) \
    X(int, ffeqtyll, \
      (fitsfile *file, int column, int *typecode, LONGLONG *repeat, LONGLONG *width, int *status), \
      (file, column, typecode, repeat, width, status)) \
    X(void, ffesum, (unsigned long sum, int complm, char *ascii), (sum, complm, ascii)) \
    X(int, ffflus, (fitsfile *file, int *status), (file, status)) \
    X(int, ffgbclll, \
      (fitsfile *file, int column, char *ttype, char *tunit, char *dtype, LONGLONG *repeat, double *tscal, \
       double *tzero, LONGLONG *tnull, char *tdisp, int *status), \
      (file, column, ttype, tunit, dtype, repeat, tscal, tzero, tnull, tdisp, status)) \
    X(int, ffgcno, \
      (fitsfile *file, int casesen, char *pattern, int *column, int *status), \
      (file, casesen, pattern, column, status)) \
    X(int, ffgcv, \
      (fitsfile *file, int datatype, int column, LONGLONG firstrow, LONGLONG firstelem, LONGLONG nelem, \
       void *nulval, void *array, int *anynul, int *status), \
      (file, datatype, column, firstrow, firstelem, nelem, nulval, array, anynul, status)) \
    X(int, ffgcvs, \
      (fitsfile *file, int column, LONGLONG firstrow, LONGLONG firstelem, LONGLONG nelem, char *nulval, \
       char **array, int *anynul, int *status), \
      (file, column, firstrow, firstelem, nelem, nulval, array, anynul, status)) \
    X(int, ffgdesll, \
      (fitsfile *file, int column, LONGLONG rownum, LONGLONG *length, LONGLONG *heapaddr, int *status), \
      (file, column, rownum, length, heapaddr, status)) \
    X(void, ffgerr, (int status, char *errtext), (status, errtext)) \
    X(int, ffghadll, \
      (fitsfile *file, LONGLONG *headstart, LONGLONG *datastart, LONGLONG *dataend, int *status), \
      (file, headstart, datastart, dataend, status)) \
    X(int, ffghsp, (fitsfile *file, int *nexist, int *nmore, int *status), (file, nexist, nmore, status)) \
    X(int, ffgidt, (fitsfile *file, int *imgtype, int *status), (file, imgtype, status)) \
    X(int, ffgiet, (fitsfile *file, int *imgtype, int *status), (file, imgtype, status)) \
    X(int, ffgiprll, \
      (fitsfile *file, int maxaxis, int *imgtype, int *naxis, LONGLONG *naxes, int *status), \
      (file, maxaxis, imgtype, naxis, naxes, status)) \
    X(int, ffgknm, (char *card, char *name, int *length, int *status), (card, name, length, status)) \
    X(int, ffgmsg, (char *err_message), (err_message)) \
    X(int, ffgncl, (fitsfile *file, int *ncols, int *status), (file, ncols, status)) \
    X(int, ffgnrwll, (fitsfile *file, LONGLONG *nrows, int *status), (file, nrows, status)) \
    X(int, ffgpxvll, \
      (fitsfile *file, int datatype, LONGLONG *firstpix, LONGLONG nelem, void *nulval, void *array, \
       int *anynul, int *status), \
      (file, datatype, firstpix, nelem, nulval, array, anynul, status)) \
    X(int, ffgrec, (fitsfile *file, int nrec, char *card, int *status), (file, nrec, card, status)) \
    X(int, ffgtclll, \
      (fitsfile *file, int column, int *typecode, LONGLONG *repeat, LONGLONG *width, int *status), \
      (file, column, typecode, repeat, width, status)) \
    X(int, ffimem, \
      (fitsfile **file, void **buffptr, size_t *buffsize, size_t deltasize, void *(*mem_realloc)(void *, \
       size_t), int *status), \
      (file, buffptr, buffsize, deltasize, mem_realloc, status)) \
    X(int, ffmahd, (fitsfile *file, int hdunum, int *exttype, int *status), (file, hdunum, exttype, status)) \
    X(int, ffmcom, \
      (fitsfile *file, const char *keyname, const char *comm, int *status), \
      (file, keyname, comm, status)) \
    X(int, ffmkky, \
      (const char *keyname, char *keyval, const char *comm, char *card, int *status), \
      (keyname, keyval, comm, card, status)) \
    X(int, ffmkys, \
      (fitsfile *file, const char *keyname, const char *value, const char *comm, int *status), \
      (file, keyname, value, comm, status)) \
    X(int, ffomem, \
      (fitsfile **file, const char *name, int mode, void **buffptr, size_t *buffsize, size_t deltasize, \
       void *(*mem_realloc)(void *, size_t), int *status), \
      (file, name, mode, buffptr, buffsize, deltasize, mem_realloc, status)) \
    X(int, ffpcks, (fitsfile *file, int *status), (file, status)) \
    X(int, ffpcl, \
      (fitsfile *file, int datatype, int column, LONGLONG firstrow, LONGLONG firstelem, LONGLONG nelem, \
       void *array, int *status), \
      (file, datatype, column, firstrow, firstelem, nelem, array, status)) \
    X(int, ffpcls, \
      (fitsfile *file, int column, LONGLONG firstrow, LONGLONG firstelem, LONGLONG nelem, char **array, \
       int *status), \
      (file, column, firstrow, firstelem, nelem, array, status)) \
    X(int, ffpkys, \
      (fitsfile *file, const char *keyname, const char *value, const char *comm, int *status), \
      (file, keyname, value, comm, status)) \
    X(int, ffpkyu, \
      (fitsfile *file, const char *keyname, const char *comm, int *status), \
      (file, keyname, comm, status)) \
    X(int, ffppxll, \
      (fitsfile *file, int datatype, LONGLONG *firstpix, LONGLONG nelem, void *array, int *status), \
      (file, datatype, firstpix, nelem, array, status)) \
    X(int, ffppxnll, \
      (fitsfile *file, int datatype, LONGLONG *firstpix, LONGLONG nelem, void *array, void *nulval, \
       int *status), \
      (file, datatype, firstpix, nelem, array, nulval, status)) \
    X(int, ffprec, (fitsfile *file, const char *card, int *status), (file, card, status)) \
    X(int, ffpsvc, (char *card, char *value, char *comm, int *status), (card, value, comm, status)) \
    X(int, fits_init_cfitsio, (void), ()) \
    X(int, fits_is_compressed_image, (fitsfile *file, int *status), (file, status)) \
    X(int, fits_is_reentrant, (void), ()) \
    X(int, fits_set_compression_type, (fitsfile *file, int ctype, int *status), (file, ctype, status)) \
    X(int, fits_set_dither_seed, (fitsfile *file, int seed, int *status), (file, seed, status)) \
    X(int, fits_set_quantize_level, (fitsfile *file, float qlevel, int *status), (file, qlevel, status)) \
    X(int, fits_set_quantize_method, (fitsfile *file, int method, int *status), (file, method, status)) \
    X(int, fits_set_tile_dim, (fitsfile *file, int ndim, long *dims, int *status), (file, ndim, dims, status))

// The functions of the library, and those of the same names that call them. Hidden, so that the library itself never
// finds ours in place of its own.
#define DEFINE(result, name, parameters, arguments) \
    static result(*loaded_##name) parameters; \
    __attribute__((visibility("hidden"))) result name parameters { return loaded_##name arguments; }
CFITSIO_FUNCTIONS(DEFINE)

static char problem[512];
static int is_usable;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    // The header's own number: structures of another version may have another shape.
    static const char *const files[] = {
        "libcfitsio.so." TEXT(CFITSIO_SONAME),
        "libcfitsio." TEXT(CFITSIO_SONAME) ".dylib",
    };
    void *library = NULL;
    for (size_t i = 0; library == NULL && i < sizeof files / sizeof *files; i++) {
        library = dlopen(files[i], RTLD_NOW | RTLD_LOCAL);
        if (library == NULL && i == 0) {
            const char *reason = dlerror();
            snprintf(problem, sizeof problem, "it cannot be loaded (%s); install libcfitsio" TEXT(CFITSIO_SONAME),
                     reason == NULL ? files[i] : reason);
        }
    }
    if (library == NULL) return;
#define FIND(result, name, parameters, arguments) \
    loaded_##name = (result(*) parameters)dlsym(library, #name); \
    if (loaded_##name == NULL) { \
        snprintf(problem, sizeof problem, "it has no function " #name "; install version " TEXT(CFITSIO_VERSION)); \
        return; \
    }
    CFITSIO_FUNCTIONS(FIND)
    is_usable = 1;
}

const char *steward_cfitsio_problem(void) {
    pthread_once(&once, load);
    return is_usable ? NULL : problem;
}
