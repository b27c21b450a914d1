// The part of a page that hears of its treasure, `this.task`, only while somebody looks at the page. The page has
// `listen()`, which begins that and returns what ends it. What was missed comes as after a lost connection.

export const watching = Behavior({
  methods: {
    /** Call it in `onShow`. */
    appear() {
      this.inSight = true;
      this.watch();
    },

    /** Call it in `onHide`, and in `onUnload`: a page that is closed in sight is not hidden first. */
    disappear() {
      this.inSight = false;
      if (this.pause) this.pause();
      this.pause = null;
    },

    /** Call it once the treasure is read. */
    watch() {
      if (this.inSight && this.task && !this.pause) this.pause = this.listen();
    },
  },
});
