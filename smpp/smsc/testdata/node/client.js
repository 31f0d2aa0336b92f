// node-smpp as an application: node client.js PORT SYSTEM_ID PASSWORD DESTINATION
// Binds, submits one binary message and says what comes. SIGTERM unbinds.
const smpp = require('smpp');
const [, , port, id, password, destination] = process.argv;
const session = smpp.connect({ url: `smpp://127.0.0.1:${port}` });
session.on('error', (e) => { console.log('error', e.message); process.exit(1); });
session.on('enquire_link', (p) => session.send(p.response()));
session.on('alert_notification', (p) => console.log('alert_notification', p.source_addr));
session.on('deliver_sm', (p) => {
  const text = p.short_message.message;
  if (p.esm_class === 4) console.log('receipt', p.receipted_message_id, p.message_state, text);
  else console.log('deliver_sm', p.source_addr, p.destination_addr, p.esm_class, p.protocol_id, p.data_coding,
    JSON.stringify(p.short_message.udh && p.short_message.udh.map((u) => Buffer.from(u).toString('hex'))), Buffer.from(text).toString('hex'));
  session.send(p.response());
});
session.bind_transceiver({ system_id: id, password }, (r) => {
  console.log('bind', r.command_status, r.system_id);
  if (r.command_status !== 0) process.exit(1);
  session.submit_sm({
    source_addr: '1234', destination_addr: destination, source_addr_npi: 1, dest_addr_ton: 1, dest_addr_npi: 1,
    esm_class: 0x40, protocol_id: 0x7f, data_coding: 0xf6, registered_delivery: 1, short_message: Buffer.from('027000AABBCCDD', 'hex'),
  }, (resp) => console.log('submitted', resp.command_status, resp.message_id));
});
process.on('SIGTERM', () => session.unbind(() => { session.close(); console.log('unbound'); process.exit(0); }));
