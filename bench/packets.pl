# Packets between two sandboxes: a server that stays, or a client that prints how many seconds its work took.
#   packets.pl serve tcp|udp ADDRESS PORT          prints "ready"
#   packets.pl tcp|udp ADDRESS PORT COUNT          connections one after the other, or round trips of 64 bytes
use strict;
use warnings;
use Socket;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $serve = $ARGV[0] eq 'serve' && shift;
my ($protocol, $address, $port, $count) = @ARGV;
my $there = pack_sockaddr_in($port, inet_aton($address));
my $tcp = $protocol eq 'tcp';

sub made { socket(my $s, PF_INET, $tcp ? SOCK_STREAM : SOCK_DGRAM, 0) or die $!; return $s }

if ($serve) {
  my $s = made();
  setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($s, $there) or die $!;
  listen($s, 4096) or die $! if $tcp;
  $| = 1;
  print "ready\n";
  if ($tcp) { while (accept(my $c, $s)) { close $c } }
  else { while (defined(my $from = recv($s, my $data, 2048, 0))) { send($s, $data, 0, $from) } }
  exit 0;
}

$SIG{ALRM} = sub { die "no answer from $address:$port/$protocol\n" };
alarm 60;
my $started = clock_gettime(CLOCK_MONOTONIC);
if ($tcp) {
  for (1 .. $count) {
    my $s = made();
    # Closed by a reset: no connection stays behind to wait.
    setsockopt($s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0));
    connect($s, $there) or die "connect: $!\n";
    close $s;
  }
} else {
  my $s = made();
  connect($s, $there) or die $!;
  my $data = 'x' x 64;
  for (1 .. $count) { send($s, $data, 0) // die $!; recv($s, my $back, 2048, 0) // die "recv: $!\n" }
}
print clock_gettime(CLOCK_MONOTONIC) - $started, "\n";
