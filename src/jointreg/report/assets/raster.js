"use strict";
// A mesh as a picture, without a GPU: the same pixels on every machine, on paper too.

/** Buffers of one picture. Depth grows towards the viewer and is in pixels, like x and y. */
function makeTarget(width, height) {
  return {
    width, height,
    depth: new Float32Array(width * height),
    image: new ImageData(width, height),
  };
}

/** Points (3 n, metres, y up) as seen: x to the right, y down, z to the viewer, all in pixels. */
function project(points, view) {
  const [cy, sy, cp, sp] = [Math.cos(view.yaw), Math.sin(view.yaw), Math.cos(view.pitch), Math.sin(view.pitch)];
  const [mx, my, mz] = view.centre;
  const seen = new Float32Array(points.length);
  for (let k = 0; k < points.length; k += 3) {
    const x = points[k] - mx, y = points[k + 1] - my, z = points[k + 2] - mz;
    const right = cy * x + sy * z, away = cy * z - sy * x;
    seen[k] = view.x + view.scale * right;
    seen[k + 1] = view.y - view.scale * (cp * y - sp * away);
    seen[k + 2] = view.scale * (sp * y + cp * away);
  }
  return seen;
}

/** Brightness of every vertex, lit from the viewer and from above left. */
function brightness(seen, faces) {
  const normals = new Float32Array(seen.length);
  for (let f = 0; f < faces.length; f += 3) {
    const a = 3 * faces[f], b = 3 * faces[f + 1], c = 3 * faces[f + 2];
    const ux = seen[b] - seen[a], uy = seen[b + 1] - seen[a + 1], uz = seen[b + 2] - seen[a + 2];
    const vx = seen[c] - seen[a], vy = seen[c + 1] - seen[a + 1], vz = seen[c + 2] - seen[a + 2];
    // y points down in the picture, which turns the cross product round.
    const n = [vy * uz - vz * uy, vz * ux - vx * uz, vx * uy - vy * ux];
    for (const corner of [a, b, c]) for (let i = 0; i < 3; i++) normals[corner + i] += n[i];
  }
  const light = new Float32Array(seen.length / 3);
  for (let v = 0, k = 0; v < light.length; v++, k += 3) {
    const length = Math.hypot(normals[k], normals[k + 1], normals[k + 2]) || 1;
    const front = normals[k + 2] / length;
    const above = (-0.5 * normals[k] - 0.7 * normals[k + 1] + 0.5 * normals[k + 2]) / (0.995 * length);
    light[v] = Math.min(1, 0.36 + 0.44 * Math.max(0, front) + 0.3 * Math.max(0, above));
  }
  return light;
}

/** Draw a projected mesh in one colour; the target is emptied first. */
function drawMesh(target, seen, faces, colour) {
  const { width, height, depth, image } = target;
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(0);
  depth.fill(-Infinity);
  const light = brightness(seen, faces);
  for (let f = 0; f < faces.length; f += 3) {
    const i = faces[f], j = faces[f + 1], k = faces[f + 2];
    const ax = seen[3 * i], ay = seen[3 * i + 1], bx = seen[3 * j], by = seen[3 * j + 1];
    const cx = seen[3 * k], cy = seen[3 * k + 1];
    const area = (cx - ax) * (by - ay) - (bx - ax) * (cy - ay);
    if (!(area > 0)) continue; // faces away, or has no area
    const left = Math.max(0, Math.floor(Math.min(ax, bx, cx))), right = Math.min(width - 1, Math.ceil(Math.max(ax, bx, cx)));
    const top = Math.max(0, Math.floor(Math.min(ay, by, cy))), bottom = Math.min(height - 1, Math.ceil(Math.max(ay, by, cy)));
    const az = seen[3 * i + 2], bz = seen[3 * j + 2], cz = seen[3 * k + 2];
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const px = x + 0.5, py = y + 0.5;
        const wa = ((cx - bx) * (by - py) - (bx - px) * (cy - by)) / area;
        const wb = ((ax - cx) * (cy - py) - (cx - px) * (ay - cy)) / area;
        const wc = 1 - wa - wb;
        if (wa < 0 || wb < 0 || wc < 0) continue;
        const z = wa * az + wb * bz + wc * cz, at = y * width + x;
        if (z <= depth[at]) continue;
        depth[at] = z;
        const l = wa * light[i] + wb * light[j] + wc * light[k];
        pixels[at] = 0xff000000 | (colour[2] * l) << 16 | (colour[1] * l) << 8 | colour[0] * l;
      }
    }
  }
}
