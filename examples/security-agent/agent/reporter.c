/* Prints what the guards report, a line each. Knows nothing of Lambda. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int s;

/* What has come until then can still be read. */
static void end(int sig)
{
	(void)sig;
	shutdown(s, SHUT_RD);
}

int main(void)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	const char *path = getenv("GUARD_SOCKET");
	if (path == NULL || strlen(path) >= sizeof own.sun_path) {
		fprintf(stderr, "GUARD_SOCKET: not set, or too long\n");
		return 1;
	}
	strcpy(own.sun_path, path);
	unlink(path);
	s = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (s < 0 || bind(s, (struct sockaddr *)&own, sizeof own) != 0) {
		perror(path);
		return 1;
	}
	signal(SIGTERM, end);
	setvbuf(stdout, NULL, _IOLBF, 0);
	char report[512];
	ssize_t n;
	while ((n = recv(s, report, sizeof report - 1, 0)) > 0) {
		report[n] = 0;
		puts(report);
	}
	return n < 0;
}
