// Where the server is. Its domain stands in the mini-program's 服务器域名 for request, uploadFile, downloadFile and,
// with wss, for socket. In development: the address that `python -m server` prints.
export const SERVER = "http://127.0.0.1:8000";

// In development: the person as whom the server's sandbox logs you in. Empty: log in with WeChat.
export const PLAY_AS = "";
