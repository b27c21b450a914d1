// The part of your own page that is the book of finds (地层图鉴).

import { BOOK, bookOf, countWords, placeOf } from "../shared/finds.js";
import { api } from "../wechat.js";

export const book = Behavior({
  data: { bookWords: BOOK, layers: [], counted: "" },

  methods: {
    async readBook() {
      const { data, layers } = await api.get("/getMyFinds");
      const shown = bookOf(data).map((layer) => ({
        ...layer,
        finds: layer.finds.map((each) => ({ ...each, place: placeOf(each.find) })),
      }));
      this.bookRead = true;
      this.setData({ layers: shown, counted: countWords(data, layers) });
    },

    /** Open the treasure in which a find first came up. */
    openFound({ currentTarget }) {
      const { code } = currentTarget.dataset;
      if (code) wx.navigateTo({ url: `/pages/treasure/treasure?code=${code}` });
    },
  },
});
