/// <reference types="miniprogram-api-typings" />

// What WeChat's types do not know: what a page keeps beside its data and gets from its behaviors, and `call` of wechat.js.

declare namespace WechatMiniprogram {
  namespace Component {
    interface InstanceProperties {
      [kept: string]: any;
    }
  }

  namespace Behavior {
    interface Constructor {
      (part: { data?: object; methods: object } & ThisType<Part>): string;
    }
    interface Part extends Component.InstanceProperties, Component.InstanceMethods<Record<string, any>> {
      data: Record<string, any>;
    }
  }
}

/** What answers by callbacks, with the options that each function takes and what it gives. */
type Answering = WechatMiniprogram.Wx & WechatMiniprogram.FileSystemManager;
type Asked<Name extends keyof Answering> = Answering[Name] extends (options: infer Options) => any ? Options : never;
type Given<Name extends keyof Answering> =
  NonNullable<Asked<Name>> extends { success?: (given: infer Result) => void } ? Result : never;

/** A mini-program has none; a browser has. */
declare const performance: { now(): number } | undefined;
