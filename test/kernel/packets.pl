# Packets that node can't make: ICMP echoes and raw frames. Only the modules of Debian's perl-base.
#
#   packets.pl ping ADDRESS SECONDS     prints reply, unreachable or timeout
#   packets.pl frame DEVICE HEX...      sends Ethernet frames as they are given
use strict;
use warnings;
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6 AF_INET6 SOCK_RAW IPPROTO_ICMP IPPROTO_ICMPV6);
use Time::HiRes qw(time);

my $mode = shift // '';
if ($mode eq 'ping') { ping(@ARGV) } elsif ($mode eq 'frame') { frame(@ARGV) } else { die "ping or frame\n" }

sub checksum {
    my ($data) = @_;
    my $sum = 0;
    $sum += $_ for unpack 'n*', length($data) % 2 ? "$data\0" : $data;
    $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
    return ~$sum & 0xffff;
}

sub ping {
    my ($address, $seconds) = @_;
    my $v6 = $address =~ /:/;
    my $id = $$ & 0xffff;
    my ($socket, $to, $packet);
    if ($v6) {
        socket($socket, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6) or die "socket: $!\n";
        $to = pack_sockaddr_in6(0, inet_pton(AF_INET6, $address));
        $packet = pack('CCnnn a8', 128, 0, 0, $id, 1, 'tsnet');
    } else {
        socket($socket, AF_INET, SOCK_RAW, IPPROTO_ICMP) or die "socket: $!\n";
        $to = pack_sockaddr_in(0, inet_aton($address));
        my $body = pack('CCnnn a8', 8, 0, 0, $id, 1, 'tsnet');
        substr($body, 2, 2, pack('n', checksum($body)));
        $packet = $body;
    }
    unless (send $socket, $packet, 0, $to) { print "unreachable\n"; return }
    my $end = time + $seconds;
    while ((my $left = $end - time) > 0) {
        my $ready = '';
        vec($ready, fileno $socket, 1) = 1;
        last unless select $ready, undef, undef, $left;
        my $got;
        unless (defined recv $socket, $got, 2000, 0) { print "unreachable\n"; return }
        # An IPv4 raw socket delivers the IP header too.
        $got = substr $got, 4 * (ord($got) & 15) unless $v6;
        my ($type, $code, $sum, $theirs) = unpack 'CCnn', $got;
        if ($type == ($v6 ? 129 : 0) && $theirs == $id) { print "reply\n"; return }
        # The echo that an error is about follows the error's 8 bytes and its own IP header.
        my $about = $v6 ? substr($got, 48) : length $got > 8 ? substr($got, 8 + 4 * (ord(substr $got, 8, 1) & 15)) : '';
        next unless $type == ($v6 ? 1 : 3) && length $about >= 6;
        if ((unpack 'CCnn', $about)[3] == $id) { print "unreachable\n"; return }
    }
    print "timeout\n";
}

sub frame {
    my ($device, @frames) = @_;
    # AF_PACKET is 17, ETH_P_ALL 3; struct sockaddr_ll wants the device's index, which /sys and SIOCGIFINDEX know.
    socket(my $socket, 17, SOCK_RAW, unpack('S', pack('n', 3))) or die "socket: $!\n";
    my $request = pack 'a16 x24', $device;
    ioctl($socket, 0x8933, $request) or die "no device $device: $!\n";
    my $index = unpack 'x16 l', $request;
    for my $hex (@frames) {
        my $bytes = pack 'H*', $hex;
        my $to = pack('S n i S C C a8', 17, 3, $index, 1, 0, 6, substr $bytes, 0, 6);
        defined send($socket, $bytes, 0, $to) or die "send: $!\n";
    }
    print "sent\n";
}
