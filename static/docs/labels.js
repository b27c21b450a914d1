// Swagger UI has no other language. Where its components draw a label, a plugin puts ours in its place:
// https://swagger.io/docs/open-source-tools/swagger-ui/customization/plugin-api/#wrapcomponents

export const LABELS = {
  "Available values": "可选值", "Cancel": "取消", "Clear": "清除", "Code": "状态码", "Controls ": "对应 ", "Curl": "命令行", "Default value": "默认值",
  "Description": "说明", "Details": "详情", "Edit Value": "编辑", "Example": "例如", "Example Value": "示例",
  "Examples": "示例", "Examples: ": "示例：", "Execute": "发送", "Filter by tag or path": "按分组或路径筛选", "Media type": "格式",
  "Name": "名称", "No parameters": "没有参数", "Parameters": "参数", "Request URL": "请求地址", "Request body": "请求内容",
  "Reset": "重置", "Response body": "回复内容", "Responses": "回复",
  "Schema": "结构", "Server response": "服务器的回复", "Servers": "服务器", "Try it out ": "试一试",
};
const DRAWN_BY = [
  "ExamplesSelect", "FilterContainer", "RequestBody", "Servers", "ServersContainer", "TryItOutButton", "clear", "curl",
  "execute", "liveResponse", "modelExample", "parameters", "response", "responseBody", "responses",
];
const known = new WeakMap();

function translated(React, drawn) {
  if (typeof drawn === "string") return LABELS[drawn] ?? drawn;
  if (Array.isArray(drawn)) return drawn.map((each) => translated(React, each));
  if (!React.isValidElement(drawn)) return drawn;
  const {children, placeholder} = drawn.props;
  const changed = placeholder ? {placeholder: translated(React, placeholder)} : {};
  // An error boundary stands around some components.
  if (drawn.type.name === "ErrorBoundary") return React.cloneElement(drawn, {}, React.createElement(wrapped(children.type, {React}), children.props));
  return React.cloneElement(drawn, changed, ...(children === undefined ? [] : [children].flat().map((each) => translated(React, each))));
}

function wrapped(Drawn, {React}) {
  const asFunction = (props) => translated(React, Drawn(props));
  const isClass = Drawn.prototype?.isReactComponent;
  if (!known.has(Drawn)) known.set(Drawn, isClass ? class extends Drawn { render() { return translated(React, super.render()); } } : Object.assign(asFunction, Drawn));
  return known.get(Drawn);
}

export const chineseLabels = () => ({wrapComponents: Object.fromEntries(DRAWN_BY.map((name) => [name, wrapped]))});
