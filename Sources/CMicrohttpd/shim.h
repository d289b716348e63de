#include <microhttpd.h>

/* Variadic functions are not imported into Swift: one plain function for each use of them. */

struct tokenward_mhd_settings {
  int listen_socket;
  unsigned int threads;
  unsigned int connections;
  unsigned int inactivity_seconds;
  size_t memory_bytes;
  void *context;
};

typedef void *(*tokenward_mhd_target_callback)(void *context, const char *target, struct MHD_Connection *connection);

static inline struct MHD_Daemon *tokenward_mhd_start(
    const struct tokenward_mhd_settings *settings, tokenward_mhd_target_callback target,
    MHD_AccessHandlerCallback receive, MHD_RequestCompletedCallback complete, MHD_NotifyConnectionCallback notify) {
  struct MHD_OptionItem options[] = {
    {MHD_OPTION_LISTEN_SOCKET, (intptr_t)settings->listen_socket, NULL},
    {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)settings->connections, NULL},
    {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)settings->inactivity_seconds, NULL},
    {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)settings->memory_bytes, NULL},
    {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
    {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)target, settings->context},
    {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)complete, settings->context},
    {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)notify, settings->context},
    {settings->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)settings->threads, NULL},
    {MHD_OPTION_END, 0, NULL}};
  return MHD_start_daemon(
      MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
      receive, settings->context, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static inline int tokenward_mhd_socket(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info == NULL ? -1 : info->connect_fd;
}

static inline void *tokenward_mhd_socket_context(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info == NULL ? NULL : info->socket_context;
}

static inline const struct sockaddr *tokenward_mhd_client_address(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return info == NULL ? NULL : info->client_addr;
}

static inline size_t tokenward_mhd_header_bytes(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
  return info == NULL ? 0 : info->header_size;
}
