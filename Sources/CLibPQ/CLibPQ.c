#include "CLibPQ.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

// Each function: its result, name, parameters and arguments.
#define LIBPQ_FUNCTIONS(X) \
    X(int, PQbackendPID, (const PGconn *connection), (connection)) \
    X(int, PQcancel, (PGcancel *cancel, char *message, int message_size), (cancel, message, message_size)) \
    X(void, PQclear, (PGresult *result), (result)) \
    X(char *, PQcmdStatus, (PGresult *result), (result)) \
    X(char *, PQcmdTuples, (PGresult *result), (result)) \
    X(PGconn *, PQconnectStartParams, \
      (const char *const *keywords, const char *const *values, int expand_dbname), \
      (keywords, values, expand_dbname)) \
    X(PGconn *, PQconnectdbParams, \
      (const char *const *keywords, const char *const *values, int expand_dbname), \
      (keywords, values, expand_dbname)) \
    X(PQconninfoOption *, PQconninfo, (PGconn *connection), (connection)) \
    X(void, PQconninfoFree, (PQconninfoOption *options), (options)) \
    X(int, PQconsumeInput, (PGconn *connection), (connection)) \
    X(int, PQenterPipelineMode, (PGconn *connection), (connection)) \
    X(char *, PQerrorMessage, (const PGconn *connection), (connection)) \
    X(int, PQexitPipelineMode, (PGconn *connection), (connection)) \
    X(void, PQfinish, (PGconn *connection), (connection)) \
    X(int, PQflush, (PGconn *connection), (connection)) \
    X(char *, PQfname, (const PGresult *result, int column), (result, column)) \
    X(void, PQfreeCancel, (PGcancel *cancel), (cancel)) \
    X(Oid, PQftype, (const PGresult *result, int column), (result, column)) \
    X(PGcancel *, PQgetCancel, (PGconn *connection), (connection)) \
    X(PGresult *, PQgetResult, (PGconn *connection), (connection)) \
    X(int, PQgetisnull, (const PGresult *result, int row, int column), (result, row, column)) \
    X(int, PQgetlength, (const PGresult *result, int row, int column), (result, row, column)) \
    X(char *, PQgetvalue, (const PGresult *result, int row, int column), (result, row, column)) \
    X(char *, PQhost, (const PGconn *connection), (connection)) \
    X(char *, PQhostaddr, (const PGconn *connection), (connection)) \
    X(int, PQisBusy, (PGconn *connection), (connection)) \
    X(int, PQnfields, (const PGresult *result), (result)) \
    X(int, PQntuples, (const PGresult *result), (result)) \
    X(int, PQpipelineSync, (PGconn *connection), (connection)) \
    X(char *, PQport, (const PGconn *connection), (connection)) \
    X(int, PQputCopyData, (PGconn *connection, const char *bytes, int count), (connection, bytes, count)) \
    X(int, PQputCopyEnd, (PGconn *connection, const char *message), (connection, message)) \
    X(void, PQreset, (PGconn *connection), (connection)) \
    X(char *, PQresultErrorField, (const PGresult *result, int field), (result, field)) \
    X(char *, PQresultErrorMessage, (const PGresult *result), (result)) \
    X(size_t, PQresultMemorySize, (const PGresult *result), (result)) \
    X(ExecStatusType, PQresultStatus, (const PGresult *result), (result)) \
    X(int, PQsendPrepare, \
      (PGconn *connection, const char *name, const char *text, int count, const Oid *types), \
      (connection, name, text, count, types)) \
    X(int, PQsendQuery, (PGconn *connection, const char *text), (connection, text)) \
    X(int, PQsendQueryParams, \
      (PGconn *connection, const char *text, int count, const Oid *types, const char *const *values, \
       const int *lengths, const int *formats, int result_format), \
      (connection, text, count, types, values, lengths, formats, result_format)) \
    X(int, PQsendQueryPrepared, \
      (PGconn *connection, const char *name, int count, const char *const *values, const int *lengths, \
       const int *formats, int result_format), \
      (connection, name, count, values, lengths, formats, result_format)) \
    X(int, PQserverVersion, (const PGconn *connection), (connection)) \
    X(PGVerbosity, PQsetErrorVerbosity, (PGconn *connection, PGVerbosity verbosity), (connection, verbosity)) \
    X(PQnoticeProcessor, PQsetNoticeProcessor, \
      (PGconn *connection, PQnoticeProcessor processor, void *argument), \
      (connection, processor, argument)) \
    X(int, PQsetnonblocking, (PGconn *connection, int is_nonblocking), (connection, is_nonblocking)) \
    X(int, PQsocket, (const PGconn *connection), (connection)) \
    X(ConnStatusType, PQstatus, (const PGconn *connection), (connection)) \
    X(PGTransactionStatusType, PQtransactionStatus, (const PGconn *connection), (connection))

// The functions of the library, and those of the same names that call them. Hidden, so that the library itself never
// finds ours in place of its own.
#define DEFINE(result, name, parameters, arguments) \
    static result(*loaded_##name) parameters; \
    __attribute__((visibility("hidden"))) result name parameters { return loaded_##name arguments; }
LIBPQ_FUNCTIONS(DEFINE)

static char problem[512];
static int is_usable;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    static const char *const files[] = {"libpq.so.5", "libpq.5.dylib"};
    void *library = NULL;
    for (size_t i = 0; library == NULL && i < sizeof files / sizeof *files; i++) {
        library = dlopen(files[i], RTLD_NOW | RTLD_LOCAL);
        if (library == NULL && i == 0) {
            const char *reason = dlerror();
            snprintf(problem, sizeof problem, "PostgreSQL's client library cannot be loaded (%s); install libpq5",
                     reason == NULL ? files[i] : reason);
        }
    }
    if (library == NULL) return;
#define FIND(result, name, parameters, arguments) \
    loaded_##name = (result(*) parameters)dlsym(library, #name); \
    if (loaded_##name == NULL) { \
        snprintf(problem, sizeof problem, \
                 "PostgreSQL's client library is too old: it has no " #name "; version 14 or later is needed"); \
        return; \
    }
    LIBPQ_FUNCTIONS(FIND)
    is_usable = 1;
}

const char *steward_libpq_problem(void) {
    pthread_once(&once, load);
    return is_usable ? NULL : problem;
}
