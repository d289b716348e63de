#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>

/* Character constants are not imported into Swift. */
enum {
    FIELD_SEVERITY = PG_DIAG_SEVERITY_NONLOCALIZED,
    FIELD_SQLSTATE = PG_DIAG_SQLSTATE,
    FIELD_MESSAGE = PG_DIAG_MESSAGE_PRIMARY,
    FIELD_CONSTRAINT = PG_DIAG_CONSTRAINT_NAME
};
