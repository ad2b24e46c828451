// Just enough of the wire protocol to speak it from the outside: golden frames in, maps of bytes out.
import fs from 'node:fs';

export const types = {
  connect: 0x01, disconnect: 0x02, ping: 0x03, pong: 0x04, publish: 0x10, subscribe: 0x11, call: 0x20, reply: 0x21,
  findNode: 0x40, findNodeReply: 0x41, store: 0x42, findValue: 0x43, findValueReply: 0x44,
};

// The frames of a file of tests/vectors, by name.
export function golden(folder, file) {
  const rows = JSON.parse(fs.readFileSync(`${folder}/${file}.json`, 'utf8')).vectors;
  return Object.fromEntries(rows.map((row) => [row.name, Buffer.from(row.frame_hex, 'hex')]));
}

// A frame of what the golden rows do not have. Values: Buffer, list of Buffers, or an integer below 128.
export function frame(type, fields) {
  const names = Object.keys(fields).sort();
  const parts = [Buffer.from([0x80 | names.length])];
  for (const name of names) parts.push(bin(Buffer.from(name)), encode(fields[name]));
  const payload = Buffer.concat(parts);
  const header = Buffer.from([1, type, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

// Takes whole frames off a growing buffer.
export class Frames {
  #rest = Buffer.alloc(0);

  *push(chunk) {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 8 && this.#rest.length >= 8 + this.#rest.readUInt32BE(4)) {
      const end = 8 + this.#rest.readUInt32BE(4);
      if (this.#rest[0] !== 1) throw new Error(`version ${this.#rest[0]}`);
      yield { type: this.#rest[1], raw: this.#rest.subarray(0, end), value: decode(this.#rest.subarray(8, end)) };
      this.#rest = this.#rest.subarray(end);
    }
  }
}

function encode(value) {
  if (Number.isInteger(value)) return Buffer.from([value]);
  if (Array.isArray(value)) return Buffer.concat([Buffer.from([0x90 | value.length]), ...value.map(bin)]);
  return bin(value);
}

function bin(bytes) {
  return Buffer.concat([Buffer.from([0xc4, bytes.length]), bytes]);
}

// MessagePack without ext. Texts of the protocol are bin and come as Buffers; str is only in what others made up.
export function decode(bytes) {
  let at = 0;
  const value = read();
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes after the payload`);
  return value;

  function take(n) {
    if (at + n > bytes.length) throw new Error('the payload is cut off');
    at += n;
    return bytes.subarray(at - n, at);
  }

  function read() {
    const code = take(1)[0];
    if (code < 0x80) return code;
    if (code >= 0xe0) return code - 0x100;
    if (code <= 0x8f) return map(code & 0x0f);
    if (code <= 0x9f) return list(code & 0x0f);
    if (code === 0xa0) return []; // the reference's empty list
    if (code <= 0xbf) return text(code & 0x1f);
    switch (code) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return take(length(1));
      case 0xc5: return take(length(2));
      case 0xc6: return take(length(4));
      case 0xca: return take(4).readFloatBE();
      case 0xcb: return take(8).readDoubleBE();
      case 0xcc: return length(1);
      case 0xcd: return length(2);
      case 0xce: return length(4);
      case 0xcf: return Number(take(8).readBigUInt64BE());
      case 0xd0: return take(1).readInt8();
      case 0xd1: return take(2).readInt16BE();
      case 0xd2: return take(4).readInt32BE();
      case 0xd3: return Number(take(8).readBigInt64BE());
      case 0xd9: return text(length(1));
      case 0xda: return text(length(2));
      case 0xdb: return text(length(4));
      case 0xdc: return list(length(2));
      case 0xdd: return list(length(4));
      case 0xde: return map(length(2));
      case 0xdf: return map(length(4));
      default: throw new Error(`unexpected MessagePack code ${code.toString(16)}`);
    }
  }

  function length(size) {
    return take(size).readUIntBE(0, size);
  }

  function text(count) {
    return take(count).toString();
  }

  function list(count) {
    return Array.from({ length: count }, read);
  }

  function map(count) {
    const entries = {};
    for (let i = 0; i < count; i++) {
      const key = read();
      entries[String(key)] = read();
    }
    return entries;
  }
}
