// The line at the top of a page that says what is wrong with the connection, or else with the server.

import { LINK, SERVICE } from "../shared/words.js";
import { channel } from "../wechat.js";
import { tell } from "./telling.js";

export const linking = Behavior({
  data: { link: "" },

  methods: {
    /** Say what is wrong until the function that is returned is called. */
    watchLink() {
      const say = (link) => tell(this, { link });
      if (channel.isOpen()) say(""); // what was wrong may have passed while nobody looked
      const leave = [
        channel.on("lost", () => say(LINK.lost)),
        channel.on("found", () => say("")),
        channel.on("service", (state) => say(SERVICE[state] || "")),
        channel.on("over", () => say(`${LINK.over}请重新打开小程序`)),
      ];
      return () => leave.forEach((each) => each());
    },
  },
});
