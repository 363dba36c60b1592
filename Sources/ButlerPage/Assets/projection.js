// Projections of the sky to a plane in radians, x to the right. Right ascension grows to the left, as one sees the sky.
// Sources: Calabretta & Greisen 2002, sections 5.1.3 (gnomonic) and 5.3.4 (Hammer-Aitoff).

import { direction, dot } from './region.js';

/** Small fields: great circles are straight. `null` for what lies too far from the centre. */
export class Gnomonic {
  constructor(ra, dec) {
    this.name = 'gnomonic';
    this.center = direction(ra, dec);
    this.east = [-Math.sin(ra), Math.cos(ra), 0];
    this.north = [-Math.sin(dec) * Math.cos(ra), -Math.sin(dec) * Math.sin(ra), Math.cos(dec)];
  }

  project(v) {
    const depth = dot(v, this.center);
    if (depth < 0.15) return null;
    return [-dot(v, this.east) / depth, dot(v, this.north) / depth];
  }

  unproject(x, y) {
    const v = [0, 1, 2].map((axis) => this.center[axis] - x * this.east[axis] + y * this.north[axis]);
    return toAngles(v);
  }
}

/** The whole sky in an ellipse, areas true. */
export class HammerAitoff {
  constructor(ra) {
    this.name = 'Hammer-Aitoff';
    this.ra = ra;
  }

  project(v) {
    const [ra, dec] = toAngles(v);
    const half = wrap(ra - this.ra) / 2;
    const scale = Math.SQRT2 / Math.sqrt(1 + Math.cos(dec) * Math.cos(half));
    return [-2 * scale * Math.cos(dec) * Math.sin(half), scale * Math.sin(dec)];
  }

  unproject(x, y) {
    const square = 1 - (x / 4) ** 2 - (y / 2) ** 2;
    if (square < 0.5) return null;
    const z = Math.sqrt(square);
    const longitude = 2 * Math.atan2(-z * x, 2 * (2 * square - 1));
    return [positive(this.ra + longitude), Math.asin(Math.max(-1, Math.min(1, z * y)))];
  }
}

/** Right ascension and declination in radians. */
export function toAngles([x, y, z]) {
  return [positive(Math.atan2(y, x)), Math.atan2(z, Math.hypot(x, y))];
}

const positive = (angle) => ((angle % (2 * Math.PI)) + 2 * Math.PI) % (2 * Math.PI);

/** An angle between -π and π. */
export function wrap(angle) {
  const turned = positive(angle + Math.PI) - Math.PI;
  return turned;
}

/** A round step of a coordinate grid, in degrees, at least this large. */
export function gridStep(degrees) {
  return [1 / 3600, 5 / 3600, 10 / 3600, 30 / 3600, 1 / 60, 2 / 60, 5 / 60, 10 / 60, 20 / 60, 0.5, 1, 2, 5, 10, 15, 30]
    .find((step) => step >= degrees) ?? 30;
}
