// Compiles the modules of a folder in place, as WeChat's developer tools do before they send them to a phone
// (preset-env for chrome 53 and ios 8): node compile.js ROOT.

"use strict";

const fs = require("node:fs");
const path = require("node:path");
const babel = require("@babel/core");

const [root] = process.argv.slice(2);

for (const name of fs.readdirSync(root, { recursive: true }).filter((each) => each.endsWith(".js"))) {
  const file = path.join(root, name);
  const { code } = babel.transformFileSync(file, {
    babelrc: false,
    configFile: false,
    cwd: __dirname,
    presets: [["@babel/preset-env", { targets: { chrome: "53", ios: "8" } }]],
  });
  fs.writeFileSync(file, code);
}
