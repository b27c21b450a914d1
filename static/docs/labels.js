// Swagger UI has no other language. Where its components draw a label, a plugin puts ours in its place:
// https://swagger.io/docs/open-source-tools/swagger-ui/customization/plugin-api/#wrapcomponents

export const LABELS = {
  " header.": " 请求头", "Apply credentials": "使用", "Authorize": "填写身份", "Authorized": "已填写", "Available authorizations": "身份",
  "Available values": "可选值", "Cancel": "取消", "Clear": "清除", "Close": "关闭", "Code": "状态码", "Collapse operation": "收起", "Controls ": "对应 ",
  "Copy path to clipboard": "复制路径", "Curl": "命令行", "Default value": "默认值",
  "Description": "说明", "Details": "详情", "Edit Value": "编辑", "Example": "例如", "Example Value": "示例",
  "Examples": "示例", "Examples: ": "示例：", "Execute": "发送", "Expand operation": "展开", "Filter by tag or path": "按分组或路径筛选", "Links": "链接", "Logout": "清除", "Media Type": "格式", "Media type": "格式",
  "Name": "名称", "No links": "无", "No parameters": "没有参数", "Parameters": "参数", "Remove authorization": "清除", "Request URL": "请求地址", "Request body": "请求内容",
  "Request content type": "请求的格式", "Reset": "重置", "Response body": "回复内容", "Responses": "回复",
  "Schema": "结构", "Server response": "服务器的回复", "Servers": "服务器", "Try it out ": "试一试", "Value:": "值：",
  "authorization button locked": "身份已填写", "authorization button unlocked": "填写身份",
};
const DRAWN_BY = [
  "CopyToClipboardBtn", "ExamplesSelect", "FilterContainer", "HttpAuth", "OperationTag", "RequestBody", "Servers", "ServersContainer", "TryItOutButton",
  "OAS31Auths", "apiKeyAuth", "authorizationPopup", "authorizeBtn", "authorizeOperationBtn", "clear", "curl",
  "execute", "liveResponse", "modelExample", "parameters", "response", "responseBody", "responses",
];
const READ_OUT = ["aria-label", "ariaLabel", "placeholder", "title"]; // texts in attributes
const known = new WeakMap();

function translated(React, drawn) {
  if (typeof drawn === "string") return LABELS[drawn] ?? drawn;
  if (Array.isArray(drawn)) return drawn.map((each) => translated(React, each));
  if (!React.isValidElement(drawn)) return drawn;
  const {children} = drawn.props;
  const changed = Object.fromEntries(READ_OUT.filter((name) => LABELS[drawn.props[name]]).map((name) => [name, LABELS[drawn.props[name]]]));
  // An error boundary stands around some components.
  if (drawn.type.name === "ErrorBoundary") return React.cloneElement(drawn, {}, React.createElement(wrapped(children.type, {React}), children.props));
  if (drawn.type.name === "OperationTag") return React.createElement(wrapped(drawn.type, {React}), drawn.props); // it stands in a <span>
  return React.cloneElement(drawn, changed, ...(children === undefined ? [] : [children].flat().map((each) => translated(React, each))));
}

function wrapped(Drawn, {React}) {
  const asFunction = (props) => translated(React, Drawn(props));
  const isClass = Drawn.prototype?.isReactComponent;
  if (!known.has(Drawn)) known.set(Drawn, isClass ? class extends Drawn { render() { return translated(React, super.render()); } } : Object.assign(asFunction, Drawn));
  return known.get(Drawn);
}

export const chineseLabels = () => ({wrapComponents: Object.fromEntries(DRAWN_BY.map((name) => [name, wrapped]))});
