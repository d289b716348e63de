/* Typed doors to libcurl's variadic functions, which Swift cannot import, and to a few socket options. */
#ifndef TW_CURL_SHIM_H
#define TW_CURL_SHIM_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline CURLcode tw_easy_set_long(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode tw_easy_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(easy, option, value);
}
/* libcurl copies the string, but for COPYPOSTFIELDS, which copies POSTFIELDSIZE_LARGE bytes. */
static inline CURLcode tw_easy_set_string(CURL *easy, CURLoption option, const char *value) {
  return curl_easy_setopt(easy, option, value);
}
/* Lists, contexts, buffers: they must outlive the transfer. */
static inline CURLcode tw_easy_set_pointer(CURL *easy, CURLoption option, void *value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode tw_easy_set_write(CURL *easy, curl_write_callback callback, void *context) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, callback);
  return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_WRITEDATA, context);
}
static inline CURLcode tw_easy_set_header(CURL *easy, curl_write_callback callback, void *context) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, callback);
  return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_HEADERDATA, context);
}
static inline CURLcode tw_easy_set_read(CURL *easy, curl_read_callback callback, void *context) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_READFUNCTION, callback);
  return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_READDATA, context);
}
static inline CURLcode tw_easy_set_prereq(CURL *easy, curl_prereq_callback callback, void *context) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, callback);
  return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_PREREQDATA, context);
}
static inline CURLcode tw_easy_set_open_socket(CURL *easy, curl_opensocket_callback callback, void *context) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, callback);
  return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, context);
}
static inline CURLcode tw_easy_set_close_socket(CURL *easy, curl_closesocket_callback callback, void *context) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, callback);
  return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, context);
}
static inline CURLcode tw_easy_get_long(CURL *easy, CURLINFO info, long *value) {
  return curl_easy_getinfo(easy, info, value);
}
static inline CURLcode tw_easy_get_pointer(CURL *easy, CURLINFO info, void **value) {
  return curl_easy_getinfo(easy, info, (char **)value);
}
static inline CURLMcode tw_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return curl_multi_setopt(multi, option, value);
}
/* The result stands in an anonymous union. */
static inline CURLcode tw_message_result(const CURLMsg *message) { return message->data.result; }

/* The bundle of certificate authorities that libcurl was built for; may be null. */
static inline const char *tw_system_ca_file(void) { return curl_version_info(CURLVERSION_NOW)->cainfo; }

/* Bytes in the send queue that the peer has not acknowledged; negative when unknown. */
static inline int tw_socket_unacknowledged(int socket) {
  int count = 0;
  return ioctl(socket, SIOCOUTQ, &count) == 0 ? count : -1;
}
/* The next close() drops the send queue and resets the connection. */
static inline int tw_socket_reset_on_close(int socket) {
  struct linger linger = {1, 0};
  return setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}
static inline int tw_socket_set_user_timeout(int socket, unsigned int milliseconds) {
  return setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}
/* An anonymous file in memory, closed on exec. */
static inline int tw_memory_file(const char *name) { return (int)syscall(SYS_memfd_create, name, 1U); }

#endif
