/* Sends files through a daemon with the line protocol, from several threads, and prints the seconds of each.
 *
 *     line_sender PORT THREADS < LINES        each line: FILE ALIAS/BUCKET/KEY
 *
 * The first line printed has the seconds in all. It costs next to nothing beside the daemons. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in address;
static char **lines;
static double *times;
static int count;
static atomic_int next_line;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what, const char *detail) {
    fprintf(stderr, "line_sender: %s: %s\n", what, detail);
    exit(1);
}

static void *work(void *unused) {
    for (int n; (n = atomic_fetch_add(&next_line, 1)) < count;) {
        double start = now();
        int s = socket(AF_INET, SOCK_STREAM, 0);
        size_t length = strlen(lines[n]);
        char answer[4097];
        if (s < 0 || connect(s, (struct sockaddr *)&address, sizeof address)) fail("no daemon", lines[n]);
        if (send(s, lines[n], length, 0) != (ssize_t)length) fail("cannot send", lines[n]);
        ssize_t got = recv(s, answer, sizeof answer - 1, 0);
        close(s);
        answer[got < 0 ? 0 : got] = 0;
        if (strncmp(answer, "Success", 7)) fail(lines[n], answer);
        times[n] = now() - start;
    }
    return unused;
}

int main(int argc, char **argv) {
    if (argc != 3) fail("usage", "line_sender PORT THREADS < LINES");
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int threads = atoi(argv[2]), room = 0;
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        if (count == room && !(lines = realloc(lines, (room = room * 2 + 64) * sizeof *lines))) fail("memory", "none");
        lines[count++] = strdup(line);
    }
    times = calloc(count, sizeof *times);
    pthread_t *pool = calloc(threads, sizeof *pool);
    double start = now();
    for (int n = 0; n < threads; n++) pthread_create(&pool[n], NULL, work, NULL);
    for (int n = 0; n < threads; n++) pthread_join(pool[n], NULL);
    printf("%.6f\n", now() - start);
    for (int n = 0; n < count; n++) printf("%.6f\n", times[n]);
    return 0;
}
