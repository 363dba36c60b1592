// The part of PostgreSQL's client library, libpq, that Steward uses.
//
// The library is loaded when the first connection is made: it brings a dozen others, and most users have no PostgreSQL.
// Names, values and the binary interface are those of libpq.so.5,
// described in the manual of PostgreSQL, chapter "libpq - C Library". Pipelines need version 14 or later.

#ifndef STEWARD_CLIBPQ_H
#define STEWARD_CLIBPQ_H

#include <stddef.h>

typedef unsigned int Oid;
typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
typedef struct pg_cancel PGcancel;
typedef void (*PQnoticeProcessor)(void *argument, const char *message);

typedef enum { CONNECTION_OK = 0, CONNECTION_BAD = 1 } ConnStatusType;

typedef enum {
    PGRES_EMPTY_QUERY = 0,
    PGRES_COMMAND_OK = 1,
    PGRES_TUPLES_OK = 2,
    PGRES_COPY_OUT = 3,
    PGRES_COPY_IN = 4,
    PGRES_BAD_RESPONSE = 5,
    PGRES_NONFATAL_ERROR = 6,
    PGRES_FATAL_ERROR = 7,
    PGRES_COPY_BOTH = 8,
    PGRES_SINGLE_TUPLE = 9,
    PGRES_PIPELINE_SYNC = 10,
    PGRES_PIPELINE_ABORTED = 11,
} ExecStatusType;

typedef enum {
    PQTRANS_IDLE = 0,
    PQTRANS_ACTIVE = 1,
    PQTRANS_INTRANS = 2,
    PQTRANS_INERROR = 3,
    PQTRANS_UNKNOWN = 4,
} PGTransactionStatusType;

typedef enum {
    PQERRORS_TERSE = 0,
    PQERRORS_DEFAULT = 1,
    PQERRORS_VERBOSE = 2,
    PQERRORS_SQLSTATE = 3,
} PGVerbosity;

/// A parameter of a connection, and what it is set to, if it is.
typedef struct {
    char *keyword;
    char *variable;
    char *compiled;
    char *value;
    char *label;
    char *display;
    int size;
} PQconninfoOption;

/// Loads the library, once. Returns why it cannot be used, or null. To be called before all that follows.
const char *steward_libpq_problem(void);

int PQbackendPID(const PGconn *connection);
int PQcancel(PGcancel *cancel, char *message, int message_size);
void PQclear(PGresult *result);
char *PQcmdStatus(PGresult *result);
char *PQcmdTuples(PGresult *result);
PGconn *PQconnectStartParams(const char *const *keywords, const char *const *values, int expand_dbname);
PGconn *PQconnectdbParams(const char *const *keywords, const char *const *values, int expand_dbname);
PQconninfoOption *PQconninfo(PGconn *connection);
void PQconninfoFree(PQconninfoOption *options);
int PQconsumeInput(PGconn *connection);
int PQenterPipelineMode(PGconn *connection);
char *PQerrorMessage(const PGconn *connection);
int PQexitPipelineMode(PGconn *connection);
void PQfinish(PGconn *connection);
int PQflush(PGconn *connection);
char *PQfname(const PGresult *result, int column);
void PQfreeCancel(PGcancel *cancel);
Oid PQftype(const PGresult *result, int column);
PGcancel *PQgetCancel(PGconn *connection);
PGresult *PQgetResult(PGconn *connection);
int PQgetisnull(const PGresult *result, int row, int column);
int PQgetlength(const PGresult *result, int row, int column);
char *PQgetvalue(const PGresult *result, int row, int column);
char *PQhost(const PGconn *connection);
char *PQhostaddr(const PGconn *connection);
int PQisBusy(PGconn *connection);
int PQnfields(const PGresult *result);
int PQntuples(const PGresult *result);
int PQpipelineSync(PGconn *connection);
char *PQport(const PGconn *connection);
int PQputCopyData(PGconn *connection, const char *bytes, int count);
int PQputCopyEnd(PGconn *connection, const char *message);
void PQreset(PGconn *connection);
char *PQresultErrorField(const PGresult *result, int field);
char *PQresultErrorMessage(const PGresult *result);
size_t PQresultMemorySize(const PGresult *result);
ExecStatusType PQresultStatus(const PGresult *result);
int PQsendPrepare(PGconn *connection, const char *name, const char *text, int count, const Oid *types);
int PQsendQuery(PGconn *connection, const char *text);
int PQsendQueryParams(PGconn *connection, const char *text, int count, const Oid *types, const char *const
    *values, const int *lengths, const int *formats, int result_format);
int PQsendQueryPrepared(PGconn *connection, const char *name, int count, const char *const *values, const int
    *lengths, const int *formats, int result_format);
int PQserverVersion(const PGconn *connection);
PGVerbosity PQsetErrorVerbosity(PGconn *connection, PGVerbosity verbosity);
PQnoticeProcessor PQsetNoticeProcessor(PGconn *connection, PQnoticeProcessor processor, void *argument);
int PQsetnonblocking(PGconn *connection, int is_nonblocking);
int PQsocket(const PGconn *connection);
ConnStatusType PQstatus(const PGconn *connection);
PGTransactionStatusType PQtransactionStatus(const PGconn *connection);

#endif
