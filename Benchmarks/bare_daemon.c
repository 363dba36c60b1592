/* The least that a daemon can do: takes lines, reads files, sends them to a store, answers. It keeps no spool, makes and
 * checks no digests, signs nothing. What it reaches with a store is the bound of what any daemon can reach with it.
 *
 *     bare_daemon PORT STORE-PORT THREADS < TARGETS      each target: /BUCKET/KEY?QUERY of a signed PUT
 *
 * A file with the line `FILE ALIAS/BUCKET/KEY` goes to the target of that bucket and key. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int door, store_port;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static struct sockaddr_in local(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* Sends all of a request. */
static void send_all(int s, struct iovec *parts, int count) {
    while (count > 0) {
        ssize_t sent = writev(s, parts, count);
        if (sent < 0) fail("store");
        for (; count > 0 && (size_t)sent >= parts->iov_len; parts++, count--) sent -= (ssize_t)parts->iov_len;
        if (count > 0) parts->iov_base = (char *)parts->iov_base + sent, parts->iov_len -= (size_t)sent;
    }
}

/* Reads an answer whose body is empty or comes with its head. */
static int is_good(int s) {
    char answer[8192];
    size_t filled = 0;
    for (char *end = NULL; end == NULL;) {
        ssize_t got = recv(s, answer + filled, sizeof answer - 1 - filled, 0);
        if (got <= 0) fail("answer");
        filled += (size_t)got;
        answer[filled] = 0;
        end = strstr(answer, "\r\n\r\n");
    }
    return !strncmp(answer, "HTTP/1.1 200", 12);
}

static void *work(void *unused) {
    int store = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in address = local(store_port);
    if (connect(store, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(store, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    char *bytes = malloc(64 << 20), line[4096], head[4096];
    for (;;) {
        int s = accept(door, NULL, NULL);
        if (s < 0) fail("accept");
        ssize_t got = recv(s, line, sizeof line - 1, 0);
        line[got < 1 ? 0 : got - 1] = 0;
        char *place = strchr(line, ' ');
        if (place == NULL) {
            close(s);
            continue;
        }
        *place++ = 0;
        place = strchr(place, '/');
        ENTRY *target = hsearch((ENTRY){.key = place}, FIND);
        int file = open(line, O_RDONLY);
        ssize_t size = file < 0 ? -1 : read(file, bytes, 64 << 20);
        if (target == NULL || size < 0) fail(line);
        close(file);
        int length = snprintf(head, sizeof head, "PUT %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %zd\r\n\r\n",
                              (char *)target->data, store_port, size);
        send_all(store, (struct iovec[]){{head, (size_t)length}, {bytes, (size_t)size}}, 2);
        if (!is_good(store)) fail("refused");
        if (send(s, "Success", 7, MSG_NOSIGNAL) < 0) perror("sender");
        close(s);
    }
    return unused;
}

int main(int argc, char **argv) {
    if (argc != 4) return fprintf(stderr, "usage: bare_daemon PORT STORE-PORT THREADS < TARGETS\n"), 1;
    struct sockaddr_in address = local(atoi(argv[1]));
    store_port = atoi(argv[2]);
    char *line = NULL;
    size_t size = 0;
    hcreate(100000);
    while (getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\n")] = 0;
        char *key = strdup(line);
        key[strcspn(key, "?")] = 0;
        hsearch((ENTRY){.key = key, .data = strdup(line)}, ENTER);
    }
    int one = 1, threads = atoi(argv[3]);
    door = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(door, (struct sockaddr *)&address, sizeof address) || listen(door, 1024)) fail("listen");
    pthread_t thread;
    for (int n = 0; n < threads; n++)
        if (pthread_create(&thread, NULL, work, NULL)) fail("thread");
    pause();
    return 0;
}
