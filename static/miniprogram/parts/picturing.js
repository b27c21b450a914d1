// The part of a form that shows a picture: of what is buried, or of one kind of its prizes.

import { showProblem, uploadPicture } from "../wechat.js";

export const picturing = Behavior({
  data: { thumbnail: "" },

  methods: {
    /** Choose the treasure's own: `this.url` is what the form sends. */
    picture() {
      return this.choosePicture(({ url, thumbnail }) => {
        this.url = url;
        this.setData({ thumbnail });
      });
    },

    async choosePicture(take) {
      try {
        take(await uploadPicture());
      } catch (error) {
        showProblem(error);
      }
    },
  },
});
