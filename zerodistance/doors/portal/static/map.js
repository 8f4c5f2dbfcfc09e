// The map: MapLibre draws land (and tiles, where some are set), deck.gl the cells and communities. Lists and tables are plain links that work without it.
const box = document.getElementById("themap");
const PARTS = ["map-head", "map-bar", "map-found", "map-legend", "map-near", "map-table", "map-data"];
const NUMBERED = 9; // own value: of the nearest; the others are dots, and stand in the list
const NEAR = 0.25; // own value, degrees: the land that is fetched reaches six times as far
const colors = {}; // of the theme; asking for one while the lists are new lays out the whole page
let library, map, overlay, landAt, pressed = 0;

const said = () => JSON.parse(document.getElementById("map-data").textContent);
const tokens = (name) => (colors[name] ??= read(name));
const read = (name) => {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
  probe.remove();
  return [found[0], found[1], found[2], found.length > 3 ? Math.round(255 * found[3]) : 255];
};
const css = (color) => `rgb(${color.slice(0, 3).join(",")})`;

function circle({ lat, lon }, km) {
  const points = [];
  for (let n = 0; n <= 72; n += 1) {
    const turn = (n / 72) * 2 * Math.PI;
    points.push([lon + (km / (111.32 * Math.cos((lat * Math.PI) / 180))) * Math.sin(turn), lat + (km / 110.57) * Math.cos(turn)]);
  }
  return points;
}

function layers(data) {
  const hue = ["q1", "q2", "q3", "q4", "q5"].map(tokens);
  const surface = tokens("surface"), ink = tokens("ink"), edge = tokens("edge"), accent = tokens("accent");
  const shown = data.regions.filter((one) => one.class !== null);
  const hidden = data.regions.filter((one) => one.class === null);
  const numbered = data.communities.map((one, n) => ({ ...one, number: String(n + 1) }));
  const { PolygonLayer, PathLayer, ScatterplotLayer, TextLayer } = deck;
  return [
    new PolygonLayer({ id: "hidden", data: hidden, getPolygon: (d) => d.ring, filled: true, getFillColor: [0, 0, 0, 0], stroked: true,
      getLineColor: edge, lineWidthMinPixels: 1, getLineWidth: 1, lineWidthUnits: "pixels", pickable: true }),
    new PolygonLayer({ id: "cells", data: shown, getPolygon: (d) => d.ring, getFillColor: (d) => hue[d.class], stroked: true,
      getLineColor: surface, getLineWidth: 1.5, lineWidthUnits: "pixels", pickable: true, autoHighlight: true, highlightColor: [...accent.slice(0, 3), 60] }),
    new PathLayer({ id: "circle", data: [circle(data.spot, data.km)], getPath: (d) => d, getColor: ink, getWidth: 1.5, widthUnits: "pixels" }),
    new ScatterplotLayer({ id: "others", data: numbered.slice(NUMBERED), getPosition: (d) => [d.lon, d.lat], getRadius: 3.5, radiusUnits: "pixels",
      getFillColor: surface, stroked: true, getLineColor: ink, getLineWidth: 1, lineWidthUnits: "pixels", pickable: true }),
    new ScatterplotLayer({ id: "communities", data: numbered.slice(0, NUMBERED).reverse(), getPosition: (d) => [d.lon, d.lat], getRadius: 9, radiusUnits: "pixels", filled: true,
      getFillColor: surface, stroked: true, getLineColor: ink, getLineWidth: 1.25, lineWidthUnits: "pixels", pickable: true }),
    new TextLayer({ id: "numbers", data: numbered.slice(0, NUMBERED).reverse(), getPosition: (d) => [d.lon, d.lat], getText: (d) => d.number, getSize: 11, getColor: ink,
      fontFamily: "sans-serif", fontWeight: 600 }),
    new ScatterplotLayer({ id: "spot", data: [data.spot], getPosition: (d) => [d.lon, d.lat], getRadius: 7, radiusUnits: "pixels", getFillColor: accent,
      stroked: true, getLineColor: surface, getLineWidth: 3, lineWidthUnits: "pixels" }),
    new TextLayer({ id: "km", data: [data], getPosition: (d) => [d.spot.lon, d.spot.lat + d.km / 110.57], getText: () => box.dataset.km, getSize: 12, getColor: ink,
      characterSet: "auto", fontFamily: "sans-serif", getAlignmentBaseline: "top", getPixelOffset: [0, 6] }),
  ];
}

function told({ object, layer }) {
  if (!object || !layer) return null;
  const number = (n) => n.toLocaleString(document.documentElement.lang);
  const { told: words, hidden } = box.dataset;
  if (object.name) return { text: `${object.number} ${object.name}` };
  if (object.persons === undefined) return null;
  return { text: object.persons === null ? hidden : words.replace("{n}", number(object.persons)).replace("{low}", number(object.low)).replace("{high}", number(object.high)) };
}

function bounds(data) {
  const ring = circle(data.spot, data.km * 1.04);
  return [[Math.min(...ring.map((p) => p[0])), Math.min(...ring.map((p) => p[1]))], [Math.max(...ring.map((p) => p[0])), Math.max(...ring.map((p) => p[1]))]];
}

async function land({ cell, lat, lon }) {
  if (landAt && Math.abs(landAt.lat - lat) < NEAR && Math.abs(landAt.lon - lon) < NEAR) return;
  landAt = { lat, lon };
  const shape = await (await fetch(`/marketing/map/land?cell=${cell}`)).json();
  map.getSource("land").setData(shape);
}

function draw(move) {
  const data = said();
  if (!data || !map) return;
  box.dataset.at = data.spot.cell;
  if (move) map.fitBounds(bounds(data), { padding: 12, duration: 0 });
  let waiting = true;
  overlay.setProps({
    layers: layers(data),
    onAfterRender: () => {
      if (!waiting) return;
      waiting = false;
      box.dataset.drawn = String(pressed ? performance.now() - pressed : 0); // tests and the benchmark read it
      box.dataset.cells = String(data.regions.length);
      pressed = 0;
    },
  });
  land(data.spot);
}

function take(html, move = true) {
  const came = new DOMParser().parseFromString(html, "text/html");
  for (const id of PARTS) {
    const old = document.getElementById(id);
    const fresh = came.getElementById(id);
    if (old && fresh) old.replaceWith(document.adoptNode(fresh));
  }
  const data = said();
  if (data) history.pushState(null, "", data.url);
  draw(move);
}

async function load(url, options = {}, move = true) {
  delete box.dataset.drawn;
  box.setAttribute("aria-busy", "true");
  const answer = await fetch(url, { ...options, headers: { "X-Part": "map", ...options.headers } });
  box.removeAttribute("aria-busy");
  if (answer.ok) take(await answer.text(), move);
  else location.assign(url); // the page says what is wrong
}

function stand(lon, lat) {
  const form = new FormData(document.getElementById("map-bar"));
  const headers = { "X-CSRF": JSON.parse(document.body.getAttribute("hx-headers:inherited"))["X-CSRF"], "Content-Type": "application/x-www-form-urlencoded" };
  const body = new URLSearchParams({ lat, lon, need: form.get("need") ?? "", audience: form.get("audience") ?? "" });
  load("/marketing/map", { method: "POST", headers, body });
}

function asked() {
  return `/marketing/map?${new URLSearchParams(new FormData(document.getElementById("map-bar")))}`;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-map]");
  if (link && map && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    pressed = performance.now();
    load(link.href);
  }
  const zoom = event.target.closest("[data-zoom]");
  if (zoom && map) map[Number(zoom.dataset.zoom) > 0 ? "zoomIn" : "zoomOut"]();
});
document.addEventListener("change", (event) => {
  if (!map || !event.target.closest("#map-bar select")) return;
  pressed = performance.now();
  load(asked(), {}, false);
});
document.addEventListener("submit", (event) => {
  if (!map || event.target.id !== "map-bar") return;
  event.preventDefault();
  load(asked(), {}, false);
});
window.addEventListener("popstate", () => location.reload());

async function begin() {
  const data = said();
  if (!box || !data) return;
  try {
    library = await import(box.dataset.lib);
    const { Map: MapLibre, setWorkerUrl } = library.default ?? library;
    setWorkerUrl(box.dataset.worker);
    const tiles = box.dataset.tiles;
    const sources = { land: { type: "geojson", data: { type: "FeatureCollection", features: [] } } };
    const below = [{ id: "sea", type: "background", paint: { "background-color": css(tokens("sea")) } }, { id: "land", type: "fill", source: "land", paint: { "fill-color": css(tokens("land")) } }];
    if (tiles) {
      sources.tiles = { type: "raster", tiles: [tiles], tileSize: 256, attribution: box.dataset.credit };
      below.push({ id: "tiles", type: "raster", source: "tiles" });
    }
    map = new MapLibre({ container: "canvas", style: { version: 8, sources, layers: below }, bounds: bounds(data), fitBoundsOptions: { padding: 12 },
      minZoom: 7, maxZoom: 17, attributionControl: false, dragRotate: false, pitchWithRotate: false, touchPitch: false, fadeDuration: 0 });
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    map.getCanvas().setAttribute("aria-label", box.dataset.label);
    overlay = new deck.MapboxOverlay({ interleaved: false, layers: [], getTooltip: told });
    await new Promise((done) => map.once("load", done));
    map.addControl(overlay);
    map.on("click", (event) => {
      pressed = performance.now();
      stand(event.lngLat.lng, event.lngLat.lat);
    });
    draw(false);
    new MutationObserver(() => {
      for (const name of Object.keys(colors)) delete colors[name];
      map.setPaintProperty("sea", "background-color", css(tokens("sea")));
      map.setPaintProperty("land", "fill-color", css(tokens("land")));
      draw(false);
    }).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  } catch (error) {
    map = undefined;
    const none = box.querySelector(".mapnone");
    none.textContent = box.dataset.none;
    none.hidden = false;
    box.dataset.failed = String(error);
  }
}
begin();
