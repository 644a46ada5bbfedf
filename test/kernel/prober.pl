# Asks and answers in many network namespaces at once, as one process: a truth table's probes cost no process each.
#
# Orders are lines of JSON, an array of words each:
#   place NAME PATH                           a namespace; without PATH this process's own
#   listen PLACE PROTOCOL ADDRESS PORT        something that answers: with its name and the address that it sees
#   close PLACE PROTOCOL ADDRESS PORT
#   ask ID PLACE PROTOCOL SOURCE TARGET PORT  to be asked by the next `go`
#   go MILLISECONDS                           asks; says {"answers": [[ID, OUTCOME, NAME, ADDRESS], …], "problems": […]}
#   reset                                     closes everything, and says the same with nothing in it
#
# PROTOCOL: tcp, udp, icmp, sctp, or the number of one that has no ports. OUTCOME: open, refused, unreachable,
# silent. SCTP is an INIT and its answer, made here: no kernel has to know SCTP itself.
use strict;
use warnings;
use Errno qw(EINPROGRESS EAGAIN);
use Fcntl;
use POSIX ();
use Socket qw(:all);
use Time::HiRes qw(time);

my $SETNS = (POSIX::uname())[4] eq "aarch64" ? 268 : 308;
$SIG{PIPE} = "IGNORE";
$| = 1;

my (%place, %number, @named, $here);
my (%reader, %writer, %kept);          # by file number: what to do; the socket
my (%served, %raw);                    # listeners; raw sockets by place, protocol and address
my (%open, %by_port, %by_mark);        # questions under way; SCTP's by port, those without ports by mark
my (@questions, @answers, @problems);
my ($count, $deadline) = (0);

sub enter {
  my ($name) = @_;
  return if defined $here && $here eq $name;
  syscall($SETNS, fileno($place{$name}), 0x40000000) == 0 or die "setns $name: $!";
  $here = $name;
}

sub place {
  my ($name, $path) = @_;
  open my $file, "<", $path || "/proc/self/ns/net" or die "$path: $!";
  $place{$name} = $file;
  $number{$name} //= push @named, $name;
  enter($name);
  if (open my $range, ">", "/proc/sys/net/ipv4/ping_group_range") { print $range "0 0\n" }
  listen_errors($name, $_) for 4, 6;
}

sub family { $_[0] =~ /:/ ? AF_INET6 : AF_INET }
sub packed { my ($a, $p) = @_; family($a) == AF_INET6 ? pack_sockaddr_in6($p, inet_pton(AF_INET6, $a)) : pack_sockaddr_in($p, inet_pton(AF_INET, $a)) }
sub plain {
  my ($name) = @_;
  my ($port, $address) = sockaddr_family($name) == AF_INET6 ? unpack_sockaddr_in6($name) : unpack_sockaddr_in($name);
  return inet_ntop(sockaddr_family($name), $address);
}

# A socket in a place that never blocks; undefined, with $! set, where it can't be had.
sub made {
  my ($where, $family, $type, $protocol, $source) = @_;
  enter($where);
  socket(my $socket, $family, $type, $protocol) or return;
  fcntl($socket, F_SETFL, O_NONBLOCK);
  setsockopt($socket, IPPROTO_IPV6, IPV6_V6ONLY, 1) if $family == AF_INET6;
  setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1) if $type == SOCK_STREAM && $source->[1];
  if (defined $source->[0]) { bind($socket, packed($source->[0], $source->[1] // 0)) or return }
  return $socket;
}

sub watch { my ($socket, $reading, $writing) = @_; my $n = fileno($socket); $kept{$n} = $socket; $reader{$n} = $reading; $writer{$n} = $writing if $writing }
sub unwatch { my ($socket) = @_; my $n = fileno($socket); return unless defined $n; delete $_->{$n} for \%kept, \%reader, \%writer; close $socket }

# Answering ------------------------------------------------------------------------------------------------------------

sub serve {
  my ($where, $protocol, $address, $port) = @_;
  return raw($where, $protocol, $address) if $protocol =~ /^(sctp|\d+)$/;
  my $type = $protocol eq "tcp" ? SOCK_STREAM : SOCK_DGRAM;
  my $socket = made($where, family($address), $type, 0, [$address, $port]);
  return push @problems, "$where $address $port/$protocol: $!" unless $socket;
  $served{"$where $protocol $address $port"} = $socket;
  if ($protocol eq "udp") {
    watch($socket, sub {
      while (defined(my $peer = recv($socket, my $text, 200, 0))) {
        send($socket, "$text $where " . plain($peer), 0, $peer);
      }
    });
    return;
  }
  listen($socket, 1024) or return push @problems, "$where $address $port: $!";
  watch($socket, sub {
    while (my $peer = accept(my $connection, $socket)) {
      fcntl($connection, F_SETFL, O_NONBLOCK);
      my $seen = plain($peer);
      watch($connection, sub {
        my $got = sysread($connection, my $text, 200);
        return if !defined $got && $! == EAGAIN;
        return unwatch($connection) unless $got;
        chomp $text;
        syswrite($connection, "$text $where $seen\n");
      });
    }
  });
}

# Raw sockets: questions and answers alike -----------------------------------------------------------------------------

sub divided { my ($rest) = @_; $rest = $rest & 1 ? ($rest >> 1) ^ 0x82f63b78 : $rest >> 1 for 1 .. 8; return $rest }
my @CRC = map { divided($_) } 0 .. 255;
sub crc32c { my $c = 0xffffffff; $c = $CRC[($c ^ $_) & 255] ^ ($c >> 8) for unpack "C*", $_[0]; return $c ^ 0xffffffff }

sub sctp {
  my ($from, $to, $tag, $type, $own) = @_;
  my $chunk = pack "CCnNNnnN", $type, 0, 20, $own, 65536, 10, 10, 1;
  my $head = pack "nnN", $from, $to, $tag;
  return $head . pack("V", crc32c("$head\0\0\0\0$chunk")) . $chunk;
}

# With the sum that ICMP has: the kernel answers no rejected packet of an unknown protocol that lacks it.
sub portless {
  my ($kind, $by, $mark, $source, $target) = @_;
  my $packet = pack "a1 C n N", $kind, $by, 0, $mark;
  my $summed = $packet;
  $summed .= inet_pton(AF_INET6, $source) . inet_pton(AF_INET6, $target) . pack("NN", 8, $_[5]) if family($source) == AF_INET6;
  my $sum = unpack "%32n*", $summed;
  $sum = ($sum & 0xffff) + ($sum >> 16) for 1 .. 2;
  return pack "a1 C n N", $kind, $by, ~$sum & 0xffff, $mark;
}

sub raw {
  my ($where, $protocol, $address) = @_;
  my $key = "$where $protocol $address";
  return $raw{$key} if $raw{$key};
  my $socket = made($where, family($address), SOCK_RAW, $protocol eq "sctp" ? 132 : $protocol, [$address]);
  if (!$socket) { push @problems, "$where $address $protocol: $!"; return }
  my $v6 = family($address) == AF_INET6;
  watch($socket, sub {
    while (defined(my $peer = recv($socket, my $packet, 2000, 0))) {
      $packet = substr $packet, 4 * (ord($packet) & 15) unless $v6;
      if ($protocol eq "sctp") {
        next if length $packet < 32;
        my ($from, $to, $tag, undef, $type, undef, undef, $own) = unpack "nnNNCCnN", $packet;
        if ($type == 1) { send($socket, sctp($to, $from, $own, 2, $number{$where}), 0, bare($peer)) }
        elsif ($type == 2 && $by_port{$to}) { settle($by_port{$to}, "open", $named[$own - 1], "") }
      } else {
        my ($kind, $by, $mark) = unpack "a1 C x2 N", $packet;
        if ($kind eq "Q") { send($socket, portless("A", $number{$where}, $mark, $address, plain($peer), $protocol), 0, bare($peer)) }
        elsif ($by_mark{$mark}) { settle($by_mark{$mark}, "open", $named[$by - 1], "") }
      }
    }
  });
  return $raw{$key} = $socket;
}

sub bare { my ($peer) = @_; return packed(plain($peer), 0) }

# ICMP errors about what raw sockets sent; other sockets are told by the kernel.
sub listen_errors {
  my ($where, $version) = @_;
  my $v6 = $version == 6;
  my $socket = made($where, $v6 ? AF_INET6 : AF_INET, SOCK_RAW, $v6 ? 58 : 1, []) or return;
  watch($socket, sub {
    while (defined recv($socket, my $packet, 2000, 0)) {
      $packet = substr $packet, 4 * (ord($packet) & 15) unless $v6;
      next if length $packet < 36;
      my ($type, $code) = unpack "CC", $packet;
      next unless $type == ($v6 ? 1 : 3);
      my $quoted = substr $packet, 8;
      my $protocol = ord substr $quoted, $v6 ? 6 : 9, 1;
      my $inner = substr $quoted, $v6 ? 40 : 4 * (ord($quoted) & 15);
      next if length $inner < 8 || $protocol == 6 || $protocol == 17;
      my $question = $protocol == 132 ? $by_port{unpack "n", $inner} : $by_mark{unpack "x4 N", $inner};
      settle($question, $code == ($v6 ? 4 : 3) ? "refused" : "unreachable") if $question;
    }
  });
}

# Asking ---------------------------------------------------------------------------------------------------------------

sub settle {
  my ($question, $outcome, $by, $seen) = @_;
  return unless delete $open{$question->{id}};
  push @answers, [$question->{id}, $outcome, $by // "", $seen // ""];
  delete $by_port{$question->{port}} if $question->{port};
  delete $by_mark{$question->{mark}} if $question->{mark};
  my $socket = $question->{socket} or return;
  # A reset instead of an orderly end: no port stays in TIME_WAIT.
  setsockopt($socket, SOL_SOCKET, SO_LINGER, pack "II", 1, 0) if $question->{stream};
  unwatch($socket);
}

sub outcome {
  my ($error) = @_;
  return $error == Errno::ECONNREFUSED ? "refused"
    : $error == Errno::EHOSTUNREACH || $error == Errno::ENETUNREACH || $error == Errno::EACCES ? "unreachable"
    : undef;
}

# What an output hook drops is an error as well, and silence to whoever waits for an answer.
sub failed { my ($question, $error) = @_; my $outcome = outcome($error); settle($question, $outcome) if $outcome }

sub ask {
  my ($id, $where, $protocol, $source, $target, $port) = @_;
  my $question = { id => $id };
  my $nonce = "n" . ++$count;
  $open{$id} = $question;
  my $family = family($source);
  if ($protocol =~ /^(sctp|\d+)$/) {
    my $socket = raw($where, $protocol, $source) or return;
    my $packet;
    if ($protocol eq "sctp") {
      $question->{port} = 20000 + $count % 40000;
      $by_port{$question->{port}} = $question;
      $packet = sctp($question->{port}, $port, 0, 1, $count);
    } else {
      $by_mark{$question->{mark} = $count} = $question;
      $packet = portless("Q", 0, $count, $source, $target, $protocol);
    }
    defined send($socket, $packet, 0, packed($target, 0)) or failed($question, $! + 0);
    return;
  }
  my $stream = $question->{stream} = $protocol eq "tcp";
  my $type = $stream ? SOCK_STREAM : SOCK_DGRAM;
  my $number = $protocol eq "icmp" ? ($family == AF_INET6 ? 58 : 1) : 0;
  my $socket = made($where, $family, $type, $number, [$source, 0]);
  if (!$socket) { push @problems, "$where can't ask from $source by $protocol: $!"; return }
  $question->{socket} = $socket;
  my $to = packed($target, $protocol eq "icmp" ? 0 : $port);
  my $hear = sub {
    my $got = sysread($socket, my $text, 400);
    if (!defined $got) { return $! == EAGAIN ? undef : failed($question, $! + 0) }
    return settle($question, "open") if $protocol eq "icmp" && index($text, $nonce) == 8;
    settle($question, "open", $1, $2) if $text =~ /^$nonce (\S+) (\S+)/;
  };
  if (!$stream) {
    watch($socket, $hear);
    connect($socket, $to) or return failed($question, $! + 0);
    my $text = $protocol eq "icmp" ? pack("CCnnn", $family == AF_INET6 ? 128 : 8, 0, 0, 0, 1) . $nonce : $nonce;
    defined syswrite($socket, $text) or failed($question, $! + 0);
    return;
  }
  watch($socket, $hear, sub {
    delete $writer{fileno $socket};
    my $error = unpack "i", getsockopt($socket, SOL_SOCKET, SO_ERROR);
    return failed($question, $error) if $error;
    syswrite($socket, "$nonce\n");
  });
  connect($socket, $to) or $! == EINPROGRESS or failed($question, $! + 0);
}

# Orders ---------------------------------------------------------------------------------------------------------------

sub say_all {
  my $list = join ",", map { "[" . join(",", $_->[0], map { "\"$_\"" } @$_[1 .. 3]) . "]" } @answers;
  my $trouble = join ",", map { "\"$_\"" } map { s/["\\]//gr } @problems;
  print "{\"answers\":[$list],\"problems\":[$trouble]}\n";
  (@answers, @problems) = ();
  undef $deadline;
}

sub obey {
  my ($op, @words) = @_;
  if ($op eq "place") { place(@words) }
  elsif ($op eq "listen") { serve(@words) }
  elsif ($op eq "close") { my $socket = delete $served{"@words"}; unwatch($socket) if $socket }
  elsif ($op eq "ask") { push @questions, [@words] }
  elsif ($op eq "go") {
    $deadline = time + $words[0] / 1000;
    ask(@$_) for splice @questions;
  } elsif ($op eq "reset") {
    close $_ for values %kept;
    (%place, %kept, %reader, %writer, %served, %raw, %open, %by_port, %by_mark) = ();
    undef $here;
    enter_own();
    say_all();
  } else { die "what is $op?" }
}

open my $own, "<", "/proc/self/ns/net" or die $!;
sub enter_own { syscall($SETNS, fileno($own), 0x40000000); undef $here }

my $input = "";
while (1) {
  say_all() if defined $deadline && !%open;
  my ($reads, $writes) = ("", "");
  vec($reads, 0, 1) = 1;
  vec($reads, $_, 1) = 1 for keys %reader;
  vec($writes, $_, 1) = 1 for keys %writer;
  my $wait = defined $deadline ? $deadline - time : undef;
  $wait = 0 if defined $wait && $wait < 0;
  my $ready = select $reads, $writes, undef, $wait;
  # Late only when nothing is waiting to be read any more: on a busy machine the answer may be there already.
  settle($_, "silent") for defined $wait && $wait == 0 && $ready == 0 ? values %open : ();
  next if $ready <= 0;
  for my $n (keys %writer) { $writer{$n}->() if vec($writes, $n, 1) && $writer{$n} }
  for my $n (keys %reader) { $reader{$n}->() if vec($reads, $n, 1) && $reader{$n} }
  if (vec($reads, 0, 1)) {
    sysread(STDIN, $input, 65536, length $input) or last;
    while ($input =~ s/^([^\n]*)\n//) { obey($1 =~ /"([^"]*)"/g) }
  }
}
