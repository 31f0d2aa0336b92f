# Net::SMPP as a message centre: perl smsc.pl
# Says on which port it listens, answers submit_sm, sends a receipt and one binary message.
use strict; use warnings; use Net::SMPP; $| = 1;
my $srv = Net::SMPP->new_listen('127.0.0.1', port => 0, timeout => 3600, smpp_version => 0x34) or die "listen: $!";
printf "listening %d\n", $srv->sockport;
while (my $c = $srv->accept()) {
  my $n = 0;
  while (my $p = $c->read_pdu()) {
    my $cmd = $p->{cmd};
    if ($cmd == 9) { print "bound $p->{system_id}\n"; $c->bind_transceiver_resp(system_id => 'PERL', seq => $p->{seq}) }
    elsif ($cmd == 2) { $c->bind_transmitter_resp(system_id => 'PERL', seq => $p->{seq}) }
    elsif ($cmd == 1) { $c->bind_receiver_resp(system_id => 'PERL', seq => $p->{seq}) }
    elsif ($cmd == 0x15) { $c->enquire_link_resp(seq => $p->{seq}) }
    elsif ($cmd == 6) { print "unbind\n"; $c->unbind_resp(seq => $p->{seq}); last }
    elsif ($cmd == 4) {
      my $id = 'P' . ++$n;
      printf "submit_sm %s %d %d %d %s\n", $p->{destination_addr}, $p->{esm_class}, $p->{protocol_id}, $p->{data_coding}, unpack('H*', $p->{short_message});
      $c->submit_sm_resp(message_id => $id, seq => $p->{seq});
      $c->deliver_sm(source_addr => $p->{destination_addr}, destination_addr => $p->{source_addr}, esm_class => 4, receipted_message_id => "$id\0", message_state => "\2",
        short_message => "id:$id sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:", async => 1) if $p->{registered_delivery} & 1;
      $c->deliver_sm(source_addr => $p->{destination_addr}, source_addr_ton => 1, source_addr_npi => 1, destination_addr => $p->{source_addr},
        esm_class => 0x40, protocol_id => 0x7f, data_coding => 0xf6, short_message => pack('H*', '027100112233'), async => 1);
    }
    elsif ($cmd == 0x80000005) { printf "deliver_sm_resp %d\n", $p->{status} }
    else { printf "other %#x\n", $cmd }
  }
  print "connection closed\n";
  close $c;
}
