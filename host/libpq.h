/* libpq.h: the functions of libpq that are used, loaded on first use. */
#ifndef O2X_LIBPQ_H
#define O2X_LIBPQ_H

#include <libpq-fe.h>

#include "lazy.h"

#define LIBPQ(X) \
	X(PQbackendPID) \
	X(PQclear) \
	X(PQcmdTuples) \
	X(PQconndefaults) \
	X(PQconnectPoll) \
	X(PQconnectStartParams) \
	X(PQconninfoFree) \
	X(PQconsumeInput) \
	X(PQencryptPasswordConn) \
	X(PQenterPipelineMode) \
	X(PQerrorMessage) \
	X(PQexitPipelineMode) \
	X(PQfinish) \
	X(PQflush) \
	X(PQfname) \
	X(PQfreemem) \
	X(PQftype) \
	X(PQgetCopyData) \
	X(PQgetResult) \
	X(PQgetisnull) \
	X(PQgetlength) \
	X(PQgetvalue) \
	X(PQisBusy) \
	X(PQnfields) \
	X(PQntuples) \
	X(PQparameterStatus) \
	X(PQpipelineSync) \
	X(PQputCopyData) \
	X(PQputCopyEnd) \
	X(PQresultErrorField) \
	X(PQresultErrorMessage) \
	X(PQresultStatus) \
	X(PQsendQuery) \
	X(PQsendQueryParams) \
	X(PQserverVersion) \
	X(PQsetNoticeReceiver) \
	X(PQsetnonblocking) \
	X(PQsocket) \
	X(PQstatus) \
	X(PQtransactionStatus)

LAZY_DECLARE(libpq, LIBPQ)

#endif
