"use strict";
// The body of the report: which vertices a regressor reads, and where it puts the joint.

function startBody(data) {
  const find = (id) => document.getElementById(id);
  const canvas = find("canvas"), context = canvas.getContext("2d");
  const LOOKS = { // hues and shapes of figures/style.py, darker where they lie on a coloured body; they differ in grey by shape
    std: ["#d55e00", "square"], spin: ["#0072b2", "diamond"], opt_full: ["#007a59", "circle"], opt_recommended: ["#8a4577", "plus"],
    initial: ["#d55e00", "square"], refined: ["#0072b2", "circle"], true: ["#3a3a3a", "diamond"], label: ["#000000", "cross"],
  };
  const FAR_M = 0.25; // no vertex near a joint lies farther away
  const look = (name) => LOOKS[name] || ["#6a5300", "triangle"]; // a regressor of another variant
  const SKIN = { template: [214, 209, 199], initial: [246, 206, 172], refined: [118, 168, 212], true: [122, 122, 122] };
  const VIEWS = { front: [0, 0], side: [Math.PI / 2, 0], back: [Math.PI, 0], top: [0, Math.PI / 2] };
  const faces = new (data.face_bytes === 2 ? Uint16Array : Uint32Array)(unpack(data.faces));
  const template = positions(data.template);
  const state = { joint: 1, regressor: data.regressors.length - 1, clip: -1, frame: 0, sets: {}, yaw: 0.35, pitch: 0.05, zoom: 1, centre: null };
  const layers = new Map();
  let scheduled = 0, moving = 0;

  function unpack(text) { return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer; }
  function positions(packed) {
    if (packed.points) return packed.points;
    const steps = new Int16Array(unpack(packed.data));
    packed.points = Float32Array.from(steps, (n) => n * packed.step);
    return packed.points;
  }
  /** Where row `joint` of a regressor reads the joint off a mesh. */
  function read(regressor, joint, points) {
    const row = regressor.rows[joint], at = [0, 0, 0];
    row.vertices.forEach((v, n) => { for (let i = 0; i < 3; i++) at[i] += row.weights[n] * points[3 * v + i]; });
    return at;
  }
  const minus = (a, b) => a.map((value, i) => value - b[i]);
  const length = (a) => Math.hypot(...a);
  const mm = (metres) => (1000 * metres).toFixed(1);
  const regressor = () => data.regressors[state.regressor];
  const clip = () => data.clips[state.clip];

  /** Meshes that are shown now, in drawing order; the last one carries the vertices. */
  function meshes() {
    if (!clip()) return [{ kind: "template", points: template }];
    const frame = clip().frames[state.frame];
    return ["true", "initial", "refined"].filter((kind) => frame.bodies[kind] && state.sets[kind]).map((kind) => {
      let points = positions(frame.bodies[kind]);
      if (find("align").checked) {
        const shift = minus(frame.labels[0], read(regressor(), 0, points));
        points = points.map((value, k) => value + shift[k % 3]);
      }
      return { kind, points };
    });
  }

  function draw() {
    scheduled = 0;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    context.clearRect(0, 0, width, height);
    const fine = moving || ratio > 1 ? 1 : 2; // twice as fine once it rests
    const view = { yaw: state.yaw, pitch: state.pitch, centre: state.centre || [0, 0, 0], x: width / 2, y: height / 2,
      scale: state.zoom * Math.min(width, height) / 1.92 };
    const finer = { ...view, x: fine * view.x, y: fine * view.y, scale: fine * view.scale };
    const shown = meshes();
    shown.forEach((mesh, n) => {
      const target = layer(n, fine * width, fine * height);
      drawMesh(target, project(mesh.points, finer), faces, SKIN[mesh.kind]);
      target.canvas.getContext("2d").putImageData(target.image, 0, 0);
      context.globalAlpha = n === 0 ? 1 : 0.72;
      context.drawImage(target.canvas, 0, 0, width, height);
    });
    context.globalAlpha = 1;
    const carrier = shown[shown.length - 1];
    if (carrier) drawSupport(carrier, view, layer(shown.length - 1, fine * width, fine * height), fine, ratio);
    drawJoints(shown, view, ratio);
  }
  function layer(n, width, height) {
    let target = layers.get(n);
    if (!target || target.width !== width || target.height !== height) {
      target = makeTarget(width, height);
      target.canvas = Object.assign(document.createElement("canvas"), { width, height });
      layers.set(n, target);
    }
    return target;
  }
  function drawSupport(mesh, view, target, fine, ratio) {
    const row = regressor().rows[state.joint], seen = project(mesh.points, view), colour = look(regressor().name)[0];
    const dots = row.vertices.map((v, n) => {
      const [x, y, z] = seen.subarray(3 * v, 3 * v + 3);
      const px = Math.floor(fine * x), py = Math.floor(fine * y);
      const inside = px >= 0 && py >= 0 && px < target.width && py < target.height;
      const hidden = inside && target.depth[py * target.width + px] > fine * (z + 0.012 * view.scale);
      return { x, y, hidden, radius: ratio * (2.5 + 15 * Math.sqrt(row.weights[n])) };
    });
    for (const dot of dots.sort((a, b) => b.hidden - a.hidden)) {
      context.beginPath();
      context.arc(dot.x, dot.y, dot.radius, 0, 2 * Math.PI);
      context.fillStyle = context.strokeStyle = colour;
      context.lineWidth = 1.5 * ratio;
      context.setLineDash(dot.hidden ? [3 * ratio, 2 * ratio] : []);
      context.globalAlpha = dot.hidden ? 0.12 : 0.6;
      context.fill();
      context.globalAlpha = 1;
      context.stroke();
    }
    context.setLineDash([]);
  }
  function drawJoints(shown, view, ratio) {
    const place = (point) => project(Float32Array.from(point), view);
    if (!clip()) {
      data.regressors.forEach((other, n) => mark(place(read(other, state.joint, template)), look(other.name), ratio, n === state.regressor));
      return;
    }
    const labels = clip().frames[state.frame].labels;
    for (const mesh of shown) {
      const joints = labels.map((_, joint) => place(read(regressor(), joint, mesh.points)));
      limbs(joints, look(mesh.kind)[0], ratio);
      joints.forEach((joint, n) => mark(joint, look(mesh.kind), ratio, n === state.joint));
    }
    const seen = labels.map(place);
    limbs(seen, "#000000", 0.6 * ratio);
    seen.forEach((label, n) => mark(label, LOOKS.label, ratio, n === state.joint));
  }
  function limbs(joints, colour, ratio) {
    context.strokeStyle = colour;
    context.lineWidth = 1.6 * ratio;
    context.beginPath();
    for (const [a, b] of data.limbs) { context.moveTo(joints[a][0], joints[a][1]); context.lineTo(joints[b][0], joints[b][1]); }
    context.stroke();
  }
  function mark([x, y], [colour, shape], ratio, chosen) {
    const r = ratio * (chosen ? 7 : 3.4), path = new Path2D(outline(shape, x, y, r));
    context.lineWidth = ratio * (shape === "cross" ? (chosen ? 3 : 1.6) : 1.8);
    if (shape === "cross") {
      context.strokeStyle = "#ffffff";
      context.lineWidth += 2.4 * ratio;
      context.stroke(path);
      context.lineWidth -= 2.4 * ratio;
    } else {
      context.fillStyle = chosen ? colour : "#ffffff";
      context.fill(path);
    }
    context.strokeStyle = chosen && shape !== "cross" ? "#ffffff" : colour;
    context.stroke(path);
  }
  function outline(shape, x, y, r) {
    if (shape === "cross") return `M${x - r} ${y - r}L${x + r} ${y + r}M${x - r} ${y + r}L${x + r} ${y - r}`;
    if (shape === "circle") return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
    if (shape === "triangle") return `M${x} ${y - r}L${x + r} ${y + r}L${x - r} ${y + r}Z`;
    if (shape === "plus") {
      const a = 0.4 * r, b = r - a; // half of an arm's width, its length
      return `M${x - a} ${y - r}h${2 * a}v${b}h${b}v${2 * a}h${-b}v${b}h${-2 * a}v${-b}h${-b}v${-2 * a}h${b}Z`;
    }
    const s = shape === "diamond" ? 1.3 * r : 0.9 * r;
    return shape === "diamond" ? `M${x} ${y - s}L${x + s} ${y}L${x} ${y + s}L${x - s} ${y}Z` : `M${x - s} ${y - s}h${2 * s}v${2 * s}h${-2 * s}Z`;
  }

  function write() {
    const joint = data.joints[state.joint], row = regressor().rows[state.joint], shown = meshes();
    const where = clip() ? `${clip().title}, ${clip().frames[state.frame].name}` : "T-pose";
    const carrier = shown.length ? shown[shown.length - 1] : null;
    const on = carrier ? carrier.points : template;
    find("shown").textContent = `${joint} under ${regressor().label}, ${where}.`;
    canvas.setAttribute("aria-label", `Body mesh: ${find("shown").textContent}`);
    const kinds = clip() ? [...shown.map((mesh) => [mesh.kind, `joints off the ${mesh.kind} body`]), ["label", "labels"]]
      : data.regressors.map((other) => [other.name, `joint of ${other.label}`]);
    find("legend").innerHTML = kinds.map(([kind, text]) => `<span class="key">${symbol(kind)}${text}</span>`).join(" ")
      + " Dots are the vertices that are read, their area the weight; dashed, those on the far side.";
    const point = read(regressor(), state.joint, on);
    find("compare-caption").textContent = `The ${joint} of each regressor, and how far from that of ${regressor().label}`;
    rows("compare", data.regressors.map((other, n) => {
      const weights = other.rows[state.joint].weights, total = sum(weights);
      const effective = 1 / sum(weights.map((w) => (w / total) ** 2));
      const apart = mm(length(minus(read(other, state.joint, on), point)));
      return { cells: [symbol(other.name) + other.label, weights.length, effective.toFixed(2), n === state.regressor ? "–" : apart], chosen: n === state.regressor };
    }));
    find("weights-caption").textContent = `${row.vertices.length} vertices, weights sum to ${sum(row.weights).toFixed(4)}`;
    const own = read(regressor(), state.joint, template);
    const far = row.vertices.map((v, n) => [length(minus([...template.slice(3 * v, 3 * v + 3)], own)), row.weights[n]]).filter(([apart]) => apart > FAR_M);
    const share = sum(far.map(([, weight]) => weight)) / sum(row.weights);
    find("far").textContent = far.length ? `${far.length} of these vertices, with ${(100 * share).toFixed(1)} % of the weight, lie more than ${100 * FAR_M} cm `
      + `from the joint, up to ${(100 * Math.max(...far.map(([apart]) => apart))).toFixed(0)} cm. They are no mistake: a fit may read any vertex, and far ones `
      + "offset what near ones get wrong in the training poses. What they offset may be noise." : "";
    rows("weights", row.vertices.map((v, n) => ({ cells: [v, row.weights[n].toFixed(4),
      `<span class="bar"><i style="--share:${(100 * row.weights[n] / row.weights[0]).toFixed(1)}%"></i></span>`] })));
    if (!clip()) return;
    const labels = clip().frames[state.frame].labels;
    find("frame-name").textContent = `${state.frame + 1} of ${clip().frames.length} (${clip().frames[state.frame].name})`;
    find("this-joint").textContent = joint;
    rows("distances", shown.map((mesh) => {
      const off = labels.map((label, n) => length(minus(read(regressor(), n, mesh.points), label)));
      return { cells: [symbol(mesh.kind) + mesh.kind, mm(off[state.joint]), mm(sum(off) / off.length)] };
    }));
  }
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  function rows(table, lines) {
    find(table).tBodies[0].innerHTML = lines.map((line) =>
      `<tr${line.chosen ? ' class="chosen"' : ""}>${line.cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`).join("");
  }
  function symbol(kind) {
    const [colour, shape] = look(kind);
    return `<svg class="mark" viewBox="0 0 16 16" aria-hidden="true"><path d="${outline(shape, 8, 8, 5)}" fill="${colour}" stroke="${colour}" stroke-width="${shape === "cross" ? 2.5 : 1}"/></svg>`;
  }

  function redraw() { if (!scheduled) scheduled = requestAnimationFrame(draw); }
  function changed() { write(); redraw(); }
  function moved() { // coarse while it moves, fine when it rests
    clearTimeout(moving);
    moving = setTimeout(() => { moving = 0; redraw(); }, 160);
    redraw();
  }
  function turn(yaw, pitch) {
    state.yaw += yaw;
    state.pitch = Math.max(-Math.PI / 2, Math.min(Math.PI / 2, state.pitch + pitch));
    moved();
  }
  function zoom(factor) { state.zoom = Math.max(0.5, Math.min(12, state.zoom * factor)); moved(); }
  function focusJoint(on) {
    const shown = meshes();
    state.centre = on && shown.length ? read(regressor(), state.joint, shown[shown.length - 1].points) : null;
    state.zoom = on ? 3.5 : 1;
    find("to-joint").setAttribute("aria-pressed", String(on));
    redraw();
  }
  function follow() { if (state.centre) focusJoint(true); changed(); }

  function fill(select, names, chosen) {
    select.innerHTML = names.map((name, n) => `<option value="${n}"></option>`).join("");
    names.forEach((name, n) => { select.options[n].textContent = name; });
    select.selectedIndex = chosen;
  }
  function choosePose() {
    state.clip = find("pose").selectedIndex - 1;
    state.frame = 0;
    find("frames").hidden = !clip();
    if (clip()) {
      const kinds = ["initial", "refined", "true"].filter((kind) => clip().frames[0].bodies[kind]);
      find("frame").max = clip().frames.length - 1;
      find("frame").value = 0;
      find("sets").innerHTML = kinds.map((kind) => `<label><input type="checkbox" value="${kind}"> ${symbol(kind)}${kind}</label>`).join("");
      for (const box of find("sets").querySelectorAll("input")) {
        if (!(box.value in state.sets)) state.sets[box.value] = box.value !== "true";
        box.checked = state.sets[box.value];
        box.onchange = () => { state.sets[box.value] = box.checked; follow(); };
      }
    }
    follow();
  }
  function chooseFrame(frame) {
    const last = clip().frames.length - 1;
    state.frame = Math.max(0, Math.min(last, frame));
    find("frame").value = state.frame;
    follow();
  }
  fill(find("joint"), data.joints, state.joint);
  fill(find("regressor"), data.regressors.map((other) => other.label), state.regressor);
  fill(find("pose"), ["T-pose", ...data.clips.map((one) => one.title)], 0);
  find("joint").onchange = () => { state.joint = find("joint").selectedIndex; follow(); };
  find("regressor").onchange = () => { state.regressor = find("regressor").selectedIndex; follow(); };
  find("pose").onchange = choosePose;
  find("align").onchange = follow;
  find("frame").oninput = () => chooseFrame(Number(find("frame").value));
  find("previous").onclick = () => chooseFrame(state.frame - 1);
  find("next").onclick = () => chooseFrame(state.frame + 1);
  find("zoom-in").onclick = () => zoom(1.25);
  find("zoom-out").onclick = () => zoom(0.8);
  find("to-joint").onclick = () => focusJoint(!state.centre);
  for (const button of document.querySelectorAll("[data-view]"))
    button.onclick = () => { [state.yaw, state.pitch] = VIEWS[button.dataset.view]; redraw(); };

  const fingers = new Map();
  canvas.onpointerdown = (event) => { fingers.set(event.pointerId, event); canvas.setPointerCapture(event.pointerId); };
  canvas.onpointerup = canvas.onpointercancel = (event) => { fingers.delete(event.pointerId); };
  canvas.onpointermove = (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
    if (other) {
      const spread = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY) || 1;
      zoom(spread(event) / spread(before));
    } else turn(0.01 * (event.clientX - before.clientX), 0.01 * (event.clientY - before.clientY));
    fingers.set(event.pointerId, event);
  };
  canvas.addEventListener("wheel", (event) => { // the page scrolls until the picture has the focus
    if (document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(Math.exp(-0.0015 * event.deltaY));
  }, { passive: false });
  canvas.onkeydown = (event) => {
    const keys = { ArrowLeft: () => turn(-0.15, 0), ArrowRight: () => turn(0.15, 0), ArrowUp: () => turn(0, -0.15), ArrowDown: () => turn(0, 0.15),
      "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8) };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  };
  new ResizeObserver(redraw).observe(canvas);
  changed();
}
