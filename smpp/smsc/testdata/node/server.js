// node-smpp as a message centre: node server.js
// Answers submit_sm, sends a receipt where one is wanted, and one binary message.
const smpp = require('smpp');
let n = 0;
const server = smpp.createServer({}, (session) => {
  const bind = (p) => { console.log('bound', p.command, p.system_id); session.send(p.response({ system_id: 'NODE' })); };
  session.on('bind_transceiver', bind); session.on('bind_transmitter', bind); session.on('bind_receiver', bind);
  session.on('enquire_link', (p) => session.send(p.response()));
  session.on('unbind', (p) => { console.log('unbind'); session.send(p.response()); session.close(); });
  session.on('error', (e) => console.log('error', e.message));
  session.on('submit_sm', (p) => {
    const id = 'N' + (++n);
    console.log('submit_sm', p.destination_addr, p.esm_class, p.protocol_id, p.data_coding, JSON.stringify(p.short_message, (k, v) => (v && v.type === 'Buffer' ? Buffer.from(v.data).toString('hex') : v)));
    session.send(p.response({ message_id: id }));
    if (p.registered_delivery & 1) session.deliver_sm({
      source_addr: p.destination_addr, destination_addr: p.source_addr, esm_class: 4, receipted_message_id: id, message_state: 2,
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:`,
    }, (r) => console.log('receipt_resp', r.command_status));
    session.deliver_sm({
      source_addr: p.destination_addr, source_addr_ton: 1, source_addr_npi: 1, destination_addr: p.source_addr, esm_class: 0x40, protocol_id: 0x7f, data_coding: 0xf6,
      short_message: Buffer.from('027100112233', 'hex'),
    }, (r) => console.log('deliver_sm_resp', r.command_status));
  });
});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
