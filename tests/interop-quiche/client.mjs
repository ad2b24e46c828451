// Talks to a node through quiche: golden frames out, split at odd places, and every answer checked.
// Usage: node client.mjs <port> <certificate.pem> <folder of vectors> [alpn]
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { webcrypto } from 'node:crypto';
import { QUICClient } from '@matrixai/quic';
import { Frames, frame, golden, types } from './frames.mjs';

const [port, certificate, vectors, alpn = 'macula'] = process.argv.slice(2);
const patience = 10000;

const deadline = setTimeout(() => fail(new Error('no end after 30 s')), 30000);
try {
  const client = await connect();
  console.log(`connected, ALPN ${alpn}, certificate verified`);
  await talk(client.connection.newStream('bidi'));
  await client.destroy({ force: true });
  console.log('ok');
  clearTimeout(deadline);
  process.exit(0);
} catch (error) {
  fail(error);
}

function connect() {
  const crypto = { ops: { async randomBytes(data) { webcrypto.getRandomValues(new Uint8Array(data)); } } };
  const config = {
    ca: fs.readFileSync(certificate, 'utf8'), verifyPeer: true, applicationProtos: [alpn], maxIdleTimeout: 10000,
  };
  return QUICClient.createQUICClient(
    { host: '127.0.0.1', port: Number(port), serverName: 'localhost', localHost: '127.0.0.1', crypto, config },
    { timer: 5000 });
}

async function talk(stream) {
  const control = golden(vectors, 'frames_control');
  const pubsub = golden(vectors, 'frames_pubsub');
  const dht = golden(vectors, 'frames_dht');
  const writer = stream.writable.getWriter();
  const arriving = read(stream.readable);

  // Byte by byte, as bad as it gets.
  await send([control.connect_full], 1);
  const pong = await expect(types.pong, 'CONNECT');
  assert.ok(Math.abs(pong.server_time - Date.now()) < 60000, 'the PONG has the time');
  assert.equal(pong.timestamp, pong.server_time);

  await send([frame(types.ping, { timestamp: 42 })], 3);
  assert.equal((await expect(types.pong, 'PING')).timestamp, 42);

  // Several frames at once, cut where no frame ends: the publication comes back byte for byte.
  const topic = field(pubsub.publish_topic_001, 'topic');
  const subscribe = frame(types.subscribe, { topics: [topic], qos: 0 });
  await send([subscribe, frame(types.ping, { timestamp: 1 }), pubsub.publish_topic_001], 7);
  await expect(types.pong, 'PING after SUBSCRIBE');
  const published = await next('PUBLISH');
  assert.equal(published.raw.toString('hex'), pubsub.publish_topic_001.toString('hex'), 'PUBLISH comes as it went');
  console.log(`published and received ${topic}`);

  for (const [name, check] of Object.entries({
    hello: (answer) => assert.equal(answer.realm, 'com.example.realm'),
    echo: (answer) => assert.deepEqual(answer.echo, { say: 'hi' }),
    tables: (answer) => assert.ok(Object.keys(answer.tables).length > 3),
  })) {
    const reply = await call(`com.macula.diagnostics.${name}`, { say: 'hi' });
    check(JSON.parse(reply.result.toString()));
    console.log(`called ${name}`);
  }

  const missing = await call('nobody.provides.this', {});
  assert.equal(missing.error.code.toString(), 'no_such_procedure');

  // A value that is stored is found as it was stored, among the records of its key.
  const store = dht.store_service_001;
  const key = field(store, 'key');
  await send([store, frame(types.findValue, { type: Buffer.from('find_value'), key })], 11);
  const found = await expect(types.findValueReply, 'FIND_VALUE');
  assert.equal(found.type.toString(), 'find_value_reply');
  assert.equal(found.result.toString(), 'value');
  assert.deepEqual(found.value, [field(store, 'value')]);

  await send([dht.find_value_001], 5);
  const closest = await expect(types.findValueReply, 'FIND_VALUE of what nobody stored');
  assert.equal(closest.result.toString(), 'nodes');
  const self = field(control.connect_full, 'node_id');
  assert.ok(closest.nodes.some((node) => node.node_id.equals(self)), 'this client is a known node');

  await send([dht.find_node_001], 13);
  const nodes = await expect(types.findNodeReply, 'FIND_NODE');
  assert.match(nodes.nodes[0].address.toString(), /^127\.0\.0\.1:\d+$/);
  console.log('stored and found');

  // All golden frames of these files in one go: the node answers what it must, skips what it may, and lives.
  for (const file of ['frames_pubsub', 'frames_rpc', 'frames_dht', 'frames_swim', 'frames_quirks'])
    await send(Object.values(golden(vectors, file)), 997);
  await send([frame(types.ping, { timestamp: 99 })], 2);
  for (;;) {
    const last = await next('PING after all golden frames');
    if (last.type === types.pong && last.value.timestamp === 99) break;
  }
  console.log('took all golden frames');
  await writer.close();

  async function call(procedure, args) {
    const id = Buffer.from(webcrypto.getRandomValues(new Uint8Array(16)));
    await send([frame(types.call, {
      procedure: Buffer.from(procedure), args: Buffer.from(JSON.stringify(args)), call_id: id,
    })], 9);
    const reply = await expect(types.reply, procedure);
    assert.ok(reply.call_id.equals(id), 'the REPLY has the id of the CALL');
    return reply;
  }

  async function send(frames, size) {
    const bytes = Buffer.concat(frames);
    for (let at = 0; at < bytes.length; at += size) await writer.write(bytes.subarray(at, at + size));
  }

  async function expect(type, what) {
    const answer = await next(what);
    assert.equal(answer.type, type, `the answer to ${what} is of type ${answer.type.toString(16)}`);
    return answer.value;
  }

  async function next(what) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer to ${what}`)), patience);
    });
    const { done, value } = await Promise.race([arriving.next(), late]);
    clearTimeout(timer);
    if (done) throw new Error(`the stream ended before the answer to ${what}`);
    return value;
  }
}

async function* read(readable) {
  const frames = new Frames();
  for await (const chunk of readable) yield* frames.push(Buffer.from(chunk));
}

function field(golden, name) {
  const [{ value }] = new Frames().push(golden);
  return value[name];
}

function fail(error) {
  for (let cause = error; cause; cause = cause.cause) console.error(`${cause.name}: ${cause.message}`, cause.data ?? '');
  process.exit(1);
}
