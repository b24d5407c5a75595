// What the tests ask of a page: contrast of every text, and what every control is to a keyboard.
({
  contrast() {
    const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const colour = (text) => text.match(/[\d.]+/g).map(Number);
    const ground = (one) => {
      for (; one; one = one.parentElement) {
        const found = colour(getComputedStyle(one).backgroundColor);
        if (found.length === 3 || found[3] > 0) return found;
      }
      return [255, 255, 255];
    };
    const found = [];
    for (const one of document.querySelectorAll("body *")) {
      const text = [...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join("");
      if (!text || !one.checkVisibility() || one.closest("script, option")) continue;
      const [a, b] = [light(colour(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
      found.push([(a + 0.05) / (b + 0.05), `${one.tagName} ${text.slice(0, 40)}`]);
    }
    return found;
  },
  controls() {
    const all = document.querySelectorAll("main button, main select, main input, main canvas, main summary");
    return [...all].filter((one) => one.checkVisibility()).map((one) => {
      one.focus({ focusVisible: true });
      const label = one.labels?.[0]?.innerText || one.getAttribute("aria-label") || one.innerText || "";
      return [one.id || one.innerText, document.activeElement === one, label.trim(), parseFloat(getComputedStyle(one).outlineWidth)];
    });
  },
})
