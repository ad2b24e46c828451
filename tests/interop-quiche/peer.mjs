// One end of a QUIC connection through quiche, for whoever speaks its other end: orders come on standard input, a line
// each, and what happens is told on standard output.
// Usage: node peer.mjs client <port> '<options>'  |  node peer.mjs server '<options>'
// Options, JSON: alpn, idle (ms), ca, cert, key (files), echo (streams of the other end come back).
// Orders: open, send <bytes>, finish, reset <code>, close <code>.
// Told: listening <port>, connected, failed <why>, stream, end <bytes> <SHA-256>, reset <code>, stopped <code>,
//       closed <app|transport> <code> <reason>, idle.
import fs from 'node:fs';
import readline from 'node:readline';
import { createHash, createHmac, timingSafeEqual, webcrypto } from 'node:crypto';
import { QUICClient, QUICServer, errors, events } from '@matrixai/quic';

const role = process.argv[2];
const options = JSON.parse(process.argv[role === 'client' ? 4 : 3]);
const codes = {
  reasonToCode: (_, reason) => reason?.code ?? 0,
  codeToReason: (type, code) => Object.assign(new Error(`${type} ${code}`), { code }),
};
let connection;
let stream;
let writer;

process.on('unhandledRejection', () => {}); // of streams that a test resets; what matters is told
role === 'client' ? await connect(Number(process.argv[3])) : await listen();
for await (const line of readline.createInterface({ input: process.stdin })) await obey(line.split(' '));
process.exit(0);

function config() {
  const file = (path) => (path ? fs.readFileSync(path, 'utf8') : undefined);
  return {
    ca: file(options.ca), cert: file(options.cert), key: file(options.key), verifyPeer: options.ca !== undefined,
    applicationProtos: [options.alpn ?? 'macula'], maxIdleTimeout: options.idle ?? 10000,
  };
}

async function connect(port) {
  const ops = { async randomBytes(data) { webcrypto.getRandomValues(new Uint8Array(data)); } };
  try {
    const client = await QUICClient.createQUICClient(
      { host: '127.0.0.1', port, serverName: 'localhost', localHost: '127.0.0.1', crypto: { ops }, config: config(), ...codes },
      { timer: 8000 });
    take(client.connection);
  } catch (error) {
    for (let cause = error; cause; cause = cause.cause)
      tell(`failed ${cause.message} ${cause.data ? JSON.stringify(cause.data) : ''}`);
    process.exit(1);
  }
}

// quiche's binding answers every first packet with a Retry; these sign and check its token.
async function listen() {
  const key = webcrypto.getRandomValues(new Uint8Array(32));
  const hmac = (secret, data) => createHmac('sha256', Buffer.from(secret)).update(Buffer.from(data)).digest();
  const ops = {
    async sign(secret, data) {
      const digest = hmac(secret, data);
      return digest.buffer.slice(digest.byteOffset, digest.byteOffset + digest.length);
    },
    async verify(secret, data, digest) { return timingSafeEqual(hmac(secret, data), Buffer.from(digest)); },
  };
  const server = new QUICServer({ crypto: { key: key.buffer, ops }, config: config(), ...codes });
  server.addEventListener(events.EventQUICServerConnection.name, (event) => take(event.detail));
  await server.start({ host: '127.0.0.1', port: 0 });
  tell(`listening ${server.port}`);
}

function take(taken) {
  connection = taken;
  connection.addEventListener(events.EventQUICConnectionStream.name, (event) => {
    tell('stream');
    use(event.detail);
  });
  connection.addEventListener(events.EventQUICConnectionError.name, ({ detail }) => {
    if (detail instanceof errors.ErrorQUICConnectionIdleTimeout) tell('idle');
    else if (detail.data) {
      const { isApp, errorCode, reason } = detail.data;
      tell(`closed ${isApp ? 'app' : 'transport'} ${errorCode} ${Buffer.from(reason ?? []).toString()}`);
    }
  });
  tell('connected');
}

function use(used) {
  stream = used;
  writer = stream.writable.getWriter();
  writer.closed.catch(({ code }) => code !== undefined && tell(`stopped ${code}`));
  read(stream.readable, writer);
}

async function read(readable, back) {
  const hash = createHash('sha256');
  let count = 0;
  try {
    for await (const chunk of readable) {
      hash.update(chunk);
      count += chunk.length;
      if (options.echo) await back.write(chunk);
    }
    tell(`end ${count} ${hash.digest('hex')}`);
    if (options.echo) await back.close();
  } catch (error) {
    if (error.code !== undefined) tell(`reset ${error.code}`);
  }
}

async function obey([order, number]) {
  switch (order) {
    case 'open': return use(connection.newStream('bidi'));
    case 'send': return writer.write(Buffer.from(Array.from({ length: Number(number) }, (_, i) => i % 251)));
    case 'finish': return writer.close();
    case 'reset': return void writer.abort({ code: Number(number) }).catch(() => {});
    case 'close': return void connection.stop({ isApp: true, errorCode: Number(number), reason: Buffer.from('bye'), force: true });
    default: throw new Error(`'${order}' is no order`);
  }
}

function tell(line) {
  console.log(line);
}
