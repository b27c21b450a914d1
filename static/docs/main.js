// The reference: Swagger UI draws what /openapi.json and /asyncapi.json say. It knows no AsyncAPI, so messages
// and frames of the websocket become the webhooks of a document that has nothing else but /ws.

import {LABELS, chineseLabels} from "./labels.js";
import {markdown} from "./markdown.js";

const WORDS = {
  zh: {
    title: "挖宝 · 接口",
    home: "挖宝",
    parts: {interfaces: "接口", websocket: "长连接"},
    raw: "原始文件",
    silent: "没有读到接口文档，请稍后刷新。",
  },
  en: {
    title: "Wabao · reference",
    home: "Wabao",
    parts: {interfaces: "Interfaces", websocket: "Websocket"},
    raw: "raw document",
    silent: "The documents could not be read. Please load the page again later.",
  },
};
const SOURCES = {interfaces: "/openapi.json", websocket: "/asyncapi.json"};

const asked = new URLSearchParams(location.search);
const guessed = navigator.language.startsWith("zh") ? "zh" : "en";
const language = Object.hasOwn(WORDS, asked.get("lang")) ? asked.get("lang") : guessed;
const part = Object.hasOwn(SOURCES, asked.get("part")) ? asked.get("part") : "interfaces";
const words = WORDS[language];

function link(text, to, current) {
  const made = document.createElement("a");
  made.textContent = text;
  made.href = to;
  if (current) made.setAttribute("aria-current", "page");
  return made;
}

function at(changed) {
  return `?${new URLSearchParams({part, lang: language, ...changed})}`;
}

function drawBar() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = words.title;
  document.getElementById("home").textContent = words.home;
  document.getElementById("parts").append(
    ...Object.entries(words.parts).map(([name, text]) => link(text, at({part: name}), name === part)),
  );
  document.getElementById("languages").append(
    link(words.raw, `${SOURCES[part]}?lang=${language}`, false),
    link("中文", at({lang: "zh"}), language === "zh"),
    link("English", at({lang: "en"}), language === "en"),
  );
}

function websocket(channels) {
  const {ws} = channels.channels;
  const {query} = ws.bindings.ws;
  const messages = (action, method) =>
    channels.operations[action].messages.map(({$ref}) => {
      const message = channels.components.messages[$ref.split("/").at(-1)];
      const content = {schema: message.payload};
      if (message.examples) content.example = message.examples[0].payload;
      const body = {content: {"application/json": content}};
      return [message.name, {[method]: {summary: message.summary, requestBody: body, responses: {}}}];
    });
  return {
    openapi: "3.1.0",
    info: {...channels.info, description: `${channels.info.description}\n\n${ws.description}`},
    paths: {
      "/ws": {
        get: {
          tags: [words.parts.websocket],
          summary: channels.operations.receive.summary,
          parameters: Object.entries(query.properties).map(([name, schema]) => ({
            name,
            in: "query",
            description: schema.description,
            schema,
          })),
          responses: {101: {description: channels.operations.send.summary}},
        },
      },
    },
    webhooks: Object.fromEntries([...messages("receive", "put"), ...messages("send", "post")]),
    components: {schemas: channels.components.schemas},
  };
}

function draw(document) {
  // Swagger UI's own Markdown makes markup of text, which the page's policy forbids.
  const labels = language === "zh" ? LABELS : {};
  const asElements = ({React}) => ({components: {Markdown: ({source}) => markdown(React, source, labels)}});
  window.SwaggerUIBundle({
    spec: document,
    dom_id: "#reference",
    plugins: language === "zh" ? [asElements, chineseLabels] : [asElements],
    deepLinking: true,
    docExpansion: "list",
    filter: true,
    validatorUrl: null,
    defaultModelsExpandDepth: -1,
    tryItOutEnabled: false,
    supportedSubmitMethods: part === "interfaces" ? ["get", "post"] : [],
  });
}

async function read() {
  const reply = await fetch(`${SOURCES[part]}?lang=${language}`);
  const found = await reply.json();
  if (!reply.ok) throw new Error(found.msg);
  return found;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
drawBar();
try {
  const found = await read();
  draw(part === "websocket" ? websocket(found) : {...found, servers: [{url: location.origin}]});
} catch (error) {
  const said = error instanceof TypeError ? "" : error.message; // a browser's own words for a lost network are English
  document.getElementById("said").textContent = `${words.silent} ${said}`;
}
