// Packs a screenshot tighter: browsers write PNG fast, not small. Flat pages without transparency pack best unfiltered, as RGB.
import { crc32, deflateSync, inflateSync } from 'node:zlib'

/** Takes and returns the bytes of a PNG with 8 bits per channel, not interlaced. */
export function pack (png) {
  const { width, height, channels, data } = read(png)
  const bytes = unfilter(inflateSync(data), { width, height, channels })
  const rows = Buffer.alloc(height * (width * 3 + 1))
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) { bytes.copy(rows, y * (width * 3 + 1) + 1 + x * 3, (y * width + x) * channels, (y * width + x) * channels + 3) }
  }
  const header = Buffer.from(png.subarray(16, 29))
  header[9] = 2 // RGB
  return Buffer.concat([
    png.subarray(0, 8),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0))
  ])
}

function read (png) {
  const parts = []
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at)
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + length))
    at += length + 12
  }
  return { width: png.readUInt32BE(16), height: png.readUInt32BE(20), channels: png[25] === 6 ? 4 : 3, data: Buffer.concat(parts) }
}

/** Undoes the filters of PNG §9. */
function unfilter (rows, { width, height, channels }) {
  const line = width * channels
  const out = Buffer.alloc(line * height)
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (line + 1)]
    for (let x = 0; x < line; x++) {
      const left = x < channels ? 0 : out[y * line + x - channels]
      const up = y === 0 ? 0 : out[(y - 1) * line + x]
      const corner = x < channels || y === 0 ? 0 : out[(y - 1) * line + x - channels]
      out[y * line + x] = rows[y * (line + 1) + 1 + x] + [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter]
    }
  }
  return out
}

function paeth (left, up, corner) {
  const guess = left + up - corner
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)]
  return a <= b && a <= c ? left : b <= c ? up : corner
}

function chunk (type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const out = Buffer.alloc(body.length + 8)
  out.writeUInt32BE(data.length, 0)
  body.copy(out, 4)
  out.writeUInt32BE(crc32(body), body.length + 4)
  return out
}
