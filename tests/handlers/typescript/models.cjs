// Makes Modelina's TypeScript of an AsyncAPI document: node models.cjs asyncapi.json FOLDER
const { readFileSync } = require("node:fs");
const { AsyncAPIInputProcessor, TypeScriptFileGenerator } = require("@asyncapi/modelina");

// Its parser knows 3.1, but its list of versions ends with 3.0.0.
AsyncAPIInputProcessor.supportedVersions.push("3.1.0");
const [source, folder] = process.argv.slice(2);
const generator = new TypeScriptFileGenerator({ modelType: "interface", rawPropertyNames: true });
generator.generateToFiles(JSON.parse(readFileSync(source)), folder, { exportType: "named" });
