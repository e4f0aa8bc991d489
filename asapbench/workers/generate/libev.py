"""What gevent's event loop is asked to watch a file descriptor for."""

READ = 1
WRITE = 2
