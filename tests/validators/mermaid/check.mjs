// Mermaid's own parser accepts the diagrams. Called with a folder of exports, and with Markdown files to read diagrams of.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("");
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await import("mermaid");
mermaid.initialize({ startOnLoad: false });

for (const place of process.argv.slice(2)) {
  const texts = statSync(place).isDirectory()
    ? readdirSync(place).sort().map((name) => [name, readFileSync(join(place, name, "mermaid"), "utf8")])
    : [...readFileSync(place, "utf8").matchAll(/```mermaid\n([\s\S]*?)```/g)].map((found) => [place, found[1]]);
  for (const [name, text] of texts) {
    const { diagramType } = await mermaid.parse(text);
    console.log("ok", name, diagramType);
  }
}
