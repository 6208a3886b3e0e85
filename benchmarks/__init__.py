"""The benchmarks of `make bench`: what the authority costs beyond what it stands on.

Everything is a ratio of two sides that alternate in one run (ours, bare, ours, bare, ...), because
the machines that run this are shared and noisy: each round gives one ratio, and a row shows the
median of them with the lowest and the highest. Only P10, which is a time to wait for, is absolute.

Ours is the real process, `tokenauthority serve`, over a real PostgreSQL and a real Valkey. Bare is
a grpc.aio server without interceptors, with the same messages and the same option, and, where the
row says so, the same commit through asyncpg. Both stay up for the whole run and only one is loaded
at a time.

When is a figure the driver's rather than the server's? On two cores the server, its store and the
drivers share what there is, so "the server used less than a core" alone proves nothing: it may
have waited for a commit, or for the processor that another process had. The kernel tells them
apart: for each thread it counts the time on a processor and the time in the queue for one, and
the sum is the share of the window in which that thread had work to do. A window is

- bound by the server when the server's busiest thread (its event loop) nearly always had work,
- bound by the store when that thread was idle at times and a driver was too: all that was in
  flight was in the store,
- bound by the drivers when the server was idle at times while every driver had work all the time,
  or when server and store together got clearly less than a core while the drivers got more than
  they did. A row with such windows on either side fails, since its ratio says nothing about us.

The drivers run at a lower priority than the servers, so that what they cost comes out of what the
servers leave. What other processes on the machine took is shown, not corrected. The processor
time that the server spends on a call is reported beside each rate: it hardly depends on who else
runs, and so is the figure to compare between two days.
"""
