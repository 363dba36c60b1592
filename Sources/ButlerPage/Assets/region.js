// Regions of the sky from their byte form: a type letter, then little-endian doubles.
// The form is that of the observatory's geometry library; see Sources/SkyGeometry/Encodings/RegionCoding.swift.

const STEP = Math.PI / 90;

/** Closed rings of unit vectors around a region, from hexadecimal text. Unknown kinds give none. */
export function rings(hex) {
  const bytes = new Uint8Array(hex.length / 2);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = parseInt(hex.substr(2 * index, 2), 16);
  return decode(new DataView(bytes.buffer));
}

function decode(view) {
  if (!view.byteLength) return [];
  const double = (index) => view.getFloat64(1 + 8 * index, true);
  const vector = (index) => [double(index), double(index + 1), double(index + 2)];
  switch (String.fromCharCode(view.getUint8(0))) {
    case 'p': {
      const corners = [];
      for (let index = 0; index < (view.byteLength - 1) / 8; index += 3) corners.push(vector(index));
      return [polygon(corners)];
    }
    case 'c': return [circle(vector(0), double(4))];
    case 'b': return [box(double(0), double(1), double(2), double(3))];
    // An ellipse as the circle around it: opening angles are kept less a right angle.
    case 'e': return [circle(vector(6), Math.max(double(9), double(10)) + Math.PI / 2)];
    case 'u':
    case 'i': return operands(view);
    default: return [];
  }
}

function operands(view) {
  const found = [];
  for (let at = 1; at + 8 <= view.byteLength;) {
    const length = Number(view.getBigUint64(at, true));
    at += 8;
    if (at + length > view.byteLength) break;
    found.push(...decode(new DataView(view.buffer, view.byteOffset + at, length)));
    at += length;
  }
  return found;
}

/** Edges are great circles; long ones get points in between. */
function polygon(corners) {
  const ring = [];
  corners.forEach((a, index) => {
    const b = corners[(index + 1) % corners.length];
    const angle = Math.acos(Math.max(-1, Math.min(1, dot(a, b))));
    const pieces = Math.max(1, Math.ceil(angle / STEP));
    for (let piece = 0; piece < pieces; piece += 1) ring.push(between(a, b, angle, piece / pieces));
  });
  return ring;
}

function between(a, b, angle, share) {
  if (share === 0 || angle === 0) return a;
  const [p, q] = [Math.sin((1 - share) * angle) / Math.sin(angle), Math.sin(share * angle) / Math.sin(angle)];
  return [p * a[0] + q * b[0], p * a[1] + q * b[1], p * a[2] + q * b[2]];
}

function circle(center, radius) {
  if (!(radius > 0)) return [];
  const pole = Math.abs(center[2]) < 0.9 ? [0, 0, 1] : [1, 0, 0];
  const u = unit(cross(pole, center));
  const v = cross(center, u);
  return Array.from({ length: 64 }, (_, index) => {
    const angle = (index / 64) * 2 * Math.PI;
    const [c, s, r] = [Math.cos(radius), Math.sin(radius) * Math.cos(angle), Math.sin(radius) * Math.sin(angle)];
    return [0, 1, 2].map((axis) => c * center[axis] + s * u[axis] + r * v[axis]);
  });
}

function box(west, east, south, north) {
  if (!(south <= north) || Number.isNaN(west)) return [];
  const width = east >= west ? east - west : east - west + 2 * Math.PI;
  const pieces = Math.max(2, Math.ceil(width / STEP));
  const along = (latitude, from, sign) => Array.from({ length: pieces + 1 }, (_, index) =>
    direction(from + (sign * width * index) / pieces, latitude));
  return [...along(south, west, 1), ...along(north, west + width, -1)];
}

export function direction(longitude, latitude) {
  const c = Math.cos(latitude);
  return [c * Math.cos(longitude), c * Math.sin(longitude), Math.sin(latitude)];
}

export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

export function unit(v) {
  const length = Math.hypot(...v) || 1;
  return v.map((x) => x / length);
}
