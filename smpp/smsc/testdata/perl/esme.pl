# Net::SMPP as an application: perl esme.pl PORT SYSTEM_ID PASSWORD DESTINATION
# Binds, submits one binary message and says what comes. The end of the input unbinds.
use strict; use warnings; use Net::SMPP; use IO::Select; $| = 1;
my ($port, $id, $password, $destination) = @ARGV;
my ($c, $r) = Net::SMPP->new_transceiver('127.0.0.1', port => $port, smpp_version => 0x34, interface_version => 0x34,
  system_id => $id, password => $password) or die "bind: $!";
printf "bind %d %s\n", $r->{status}, $r->{system_id} // '';
exit 1 if $r->{status};
my $mine = $c->submit_sm(source_addr_npi => 1, source_addr => '1234', dest_addr_ton => 1, dest_addr_npi => 1, destination_addr => $destination,
  esm_class => 0x40, protocol_id => 0x7f, data_coding => 0xf6, registered_delivery => 1, short_message => pack('H*', '027000AABBCCDD'), async => 1) or die;
my $input = IO::Select->new($c, \*STDIN);
while (1) {
  my @ready = $input->can_read();
  if (grep { $_ == \*STDIN } @ready) { $c->unbind(); print "unbound\n"; exit 0 }
  next if !@ready;
  my $p = $c->read_pdu() or last;
  if ($p->{cmd} == 0x80000004) { printf "submitted %d %s\n", $p->{status}, $p->{message_id} // '' }
  elsif ($p->{cmd} == 5) {
    if ($p->{esm_class} == 4) { print "receipt $p->{short_message}\n" }
    else { printf "deliver_sm %s %s %d %d %d %s\n", $p->{source_addr}, $p->{destination_addr}, $p->{esm_class}, $p->{protocol_id}, $p->{data_coding}, unpack('H*', $p->{short_message}) }
    $c->deliver_sm_resp(message_id => '', seq => $p->{seq});
  }
  elsif ($p->{cmd} == 0x15) { $c->enquire_link_resp(seq => $p->{seq}) }
  else { printf "other %#x\n", $p->{cmd} }
}
