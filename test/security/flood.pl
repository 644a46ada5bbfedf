# Sends Ethernet frames as fast as it can, in turn: flood.pl DEVICE ROUNDS HEX…; prints `sent` when it is done.
use strict;
use warnings;
use Socket;

my ($device, $rounds, @hex) = @ARGV;
# AF_PACKET is 17, ETH_P_ALL 3; see test/kernel/packets.pl.
socket(my $socket, 17, SOCK_RAW, unpack('S', pack('n', 3))) or die "socket: $!\n";
my $request = pack 'a16 x24', $device;
ioctl($socket, 0x8933, $request) or die "no device $device: $!\n";
my $index = unpack 'x16 l', $request;
my @frames = map { pack 'H*', $_ } @hex;
my @to = map { pack('S n i S C C a8', 17, 3, $index, 1, 0, 6, substr $_, 0, 6) } @frames;
$| = 1;
for (1 .. $rounds) {
    for my $i (0 .. $#frames) { defined send($socket, $frames[$i], 0, $to[$i]) or die "send: $!\n" }
}
print "sent\n";
sleep 1 while 1;
