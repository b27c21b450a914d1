// The mini-program: somebody is logged in as long as it is open, and one socket serves all its pages.

import { hidden, launched, shown } from "./wechat.js";

App({
  onLaunch() {
    launched();
  },
  onShow() {
    shown();
  },
  onHide() {
    hidden();
  },
});
