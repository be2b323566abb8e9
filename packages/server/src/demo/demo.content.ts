import type { DemoConversation } from './demo-script.ts'

const relaunch: DemoConversation = {
  key: 'acme-relaunch',
  kind: 'external',
  subject: 'Acme website relaunch',
  context: { type: 'project', id: 'acme-relaunch', title: 'Acme website relaunch', url: null },
  people: ['ana', 'luis', 'mo', 'dana'],
  opening: {
    by: 'ana',
    at: '4d 09:12',
    text: 'Hi Dana, what we agreed this morning: launch in three weeks, five page templates, and the product finder waits for phase two. Luis designs, Mo builds. Tell me if I got anything wrong.',
  },
  steps: [
    {
      by: 'dana',
      at: '4d 09:40',
      as: 'press',
      text: 'That matches my notes. One addition: we need to edit the press page ourselves, our PR agency changes it almost every week.',
    },
    {
      by: 'mo',
      at: '4d 10:05',
      quote: 'press',
      text: 'No problem, I will make it a collection in the CMS. Could you send me two or three typical entries, so that I get the fields right?',
    },
    { by: 'dana', at: '4d 15:31', text: 'Three entries are in the project folder, one of them with a video.' },
    {
      by: 'luis',
      at: '3d 11:20',
      text: 'The first direction for the home page is in the folder as home-1. Please look at two things: the large product photo at the top, and the order of the sections below it.',
    },
    {
      by: 'dana',
      at: '3d 14:02',
      as: 'dealers',
      text: 'Love the photo! Could "Where to buy" move above the testimonials? Half of our calls are people asking for the nearest dealer.',
    },
    {
      by: 'luis',
      at: '3d 14:10',
      quote: 'dealers',
      text: 'Yes, and it makes the page shorter on phones. I will move it.',
    },
    {
      by: 'ana',
      at: '3d 14:30',
      note: true,
      as: 'offer',
      text: 'A dealer section is not in the offer. I would include a plain list by region, and quote a map with search separately.',
    },
    {
      by: 'mo',
      at: '3d 14:34',
      note: true,
      quote: 'offer',
      text: 'The list is half a day. The map is more like four days, with finding the places of their 300 addresses.',
    },
    {
      by: 'ana',
      at: '2d 09:15',
      text: 'Dana, about the dealers: a list by region is part of the relaunch. A map with search would be a small extra, you get an estimate from me.',
    },
    {
      by: 'dana',
      at: '2d 10:48',
      text: 'The list is perfect for the start. Do send the estimate, sales have wanted a map for years.',
    },
    {
      by: 'luis',
      at: '2d 16:20',
      before: 'home-2 is in the folder: dealers above testimonials, and a calmer footer.',
      text: 'home-2 is in the folder: dealers above testimonials, a calmer footer, and the phone layout on page two.',
    },
    { by: 'dana', at: '1d 09:05', deleted: true, text: 'Martin, can you sign this off before lunch?' },
    {
      by: 'dana',
      at: '1d 09:07',
      text: 'Sorry, that was meant for a colleague. But good news: home-2 is approved, Martin signed it off as well.',
    },
    { by: 'ana', at: '1d 09:30', text: 'Wonderful, thank you both! Mo starts building today.' },
    {
      by: 'mo',
      at: '1d 17:45',
      text: 'A first preview is up. Header, navigation and home page are real, everything below is a placeholder. Please try it on your own phone as well.',
    },
    {
      by: 'dana',
      at: '48m',
      as: 'menu',
      text: 'It looks great. On my old phone the menu opens, but I cannot scroll it once the product list is unfolded.',
    },
    {
      by: 'mo',
      at: '34m',
      note: true,
      text: 'I can reproduce it, the overlay has a fixed height. The fix is in review.',
    },
    { by: 'mo', at: '31m', quote: 'menu', text: 'Found it, thank you. The fix will be up within half an hour.' },
    { by: 'dana', at: '26m', text: 'You are quick! Then I can show it to the board this afternoon.' },
    { by: 'mo', at: '8m', text: 'The fix is live. Reload once, and the menu scrolls.' },
  ],
  unread: { ana: 2, luis: 3, dana: 1 },
}

const photos: DemoConversation = {
  key: 'northwind-photos',
  kind: 'external',
  subject: 'Spring range, 24 lamps',
  context: { type: 'gig', id: 'product-photography', title: 'Product photography', url: null },
  people: ['priya', 'luis', 'ana'],
  opening: {
    by: 'priya',
    at: '5d 10:02',
    text: 'Hi Luis, I have booked the product photography for our spring range: 24 lamps on white, and each one once in a room. When do you need the samples?',
  },
  steps: [
    {
      by: 'luis',
      at: '5d 10:40',
      text: 'Hi Priya! If they are here by the end of the week, I can shoot early next week, and you have a first selection two days later.',
    },
    {
      by: 'priya',
      at: '5d 11:15',
      as: 'eggs',
      text: 'They leave the warehouse tomorrow, on two pallets. Five of the glass shades are one of a kind, please handle them like eggs.',
    },
    { by: 'luis', at: '5d 11:18', quote: 'eggs', text: 'Like eggs. I will unpack those myself.' },
    {
      by: 'luis',
      at: '5d 11:25',
      note: true,
      as: 'insured',
      text: 'Ana, are we insured for samples in the studio, or only on the way?',
    },
    {
      by: 'ana',
      at: '5d 11:52',
      note: true,
      quote: 'insured',
      text: 'Both, up to 10,000. I have added this delivery to the policy.',
    },
    {
      by: 'luis',
      at: '3d 16:08',
      text: 'Both pallets are here and nothing is broken. I count 23 lamps though, the brass floor lamp Alto is missing.',
    },
    { by: 'priya', at: '3d 16:30', text: 'Oh no, it is still standing in our showroom. I will send it by courier.' },
    {
      by: 'luis',
      at: '2d 12:00',
      text: 'Alto has arrived. For the room shots: one room for all of them, or three (bedroom, study, hallway)? One makes a calmer catalogue, three give you more for social media.',
    },
    { by: 'luis', at: '2d 12:01', status: 'waiting' },
    { by: 'priya', at: '1d 15:10', text: 'I am asking our catalogue people. You have an answer tomorrow.' },
  ],
  unread: { ana: 1 },
}

const brochure: DemoConversation = {
  key: 'order-1042',
  kind: 'external',
  subject: 'Brochure for Acme, 500 copies',
  context: { type: 'order', id: '1042', title: 'Order 1042', url: null },
  people: ['ana', 'luis', 'tomasz'],
  opening: {
    by: 'ana',
    at: '2d 08:55',
    text: 'Good morning Tomasz, order 1042 is approved: 500 copies, 16 pages, 170 g uncoated, saddle stitched. Luis uploads the print file today. Is delivery in nine working days still possible?',
  },
  steps: [
    {
      by: 'tomasz',
      at: '2d 09:20',
      text: 'Good morning! Yes, if I have the file by noon tomorrow. The paper is in stock.',
    },
    {
      by: 'luis',
      at: '2d 15:40',
      text: 'The file is up as acme-brochure-3.pdf, with 3 mm bleed and black as 100 K only.',
    },
    {
      by: 'tomasz',
      at: '1d 08:10',
      as: 'soft',
      text: 'Checked. The pictures on pages 6 and 11 have 140 dpi, they will look soft in print. The rest is fine.',
    },
    {
      by: 'luis',
      at: '1d 08:35',
      quote: 'soft',
      text: 'Good catch, those came from the web version. A new file follows within the hour.',
    },
    {
      by: 'luis',
      at: '1d 09:28',
      before: 'Version 4 is up, both pictures at 300 dip.',
      text: 'Version 4 is up, both pictures at 300 dpi.',
    },
    {
      by: 'tomasz',
      at: '1d 10:02',
      text: 'Perfect, the press is booked. Shall I send a printed proof by courier, or is the PDF enough for you?',
    },
    {
      by: 'ana',
      at: '1d 10:15',
      note: true,
      text: 'Dana wants to feel the paper. The courier is 28, we can put it on the bill.',
    },
    { by: 'ana', at: '1d 10:17', text: 'A printed proof please, our client would like to feel the paper.' },
    {
      by: 'tomasz',
      at: '52m',
      text: 'The proof is on its way and should be with you before three. I keep the press free until ten tomorrow.',
    },
  ],
  unread: { ana: 1, luis: 1 },
}

const invoices: DemoConversation = {
  key: 'dana-ana',
  kind: 'external',
  direct: true,
  people: ['dana', 'ana'],
  opening: {
    by: 'dana',
    at: '6d 16:20',
    text: 'Hi Ana, could your invoices go straight to accounts@acme.example? They come to me now, and I keep forgetting to pass them on.',
  },
  steps: [
    { by: 'ana', at: '6d 16:31', text: 'Of course, it is changed. The next one goes there.' },
    { by: 'dana', at: '6d 16:32', text: 'Thank you!' },
    {
      by: 'ana',
      at: '1d 11:40',
      as: 'estimate',
      text: 'Here is the estimate for the dealer map: 3,200 for map, search by postcode and the import of your 300 addresses. It does not move the launch, we would add it two weeks later.',
    },
    {
      by: 'dana',
      at: '1d 13:15',
      quote: 'estimate',
      text: 'That is less than I feared. Could it show opening hours too? Then I get it approved without a meeting.',
    },
    { by: 'ana', at: '1d 13:22', text: 'If you have them in your address list: yes, at the same price.' },
    { by: 'dana', at: '95m', text: 'Approved! Please send the confirmation of this one to me and not to accounts.' },
  ],
  unread: { ana: 1 },
}

const week: DemoConversation = {
  key: 'studio-week',
  kind: 'internal',
  subject: 'This week in the studio',
  people: ['ana', 'luis', 'mo'],
  opening: {
    by: 'ana',
    at: '1d 08:30',
    text: 'What is on: Luis has the Northwind shoot and the brochure, Mo builds for Acme, I am with the accountant tomorrow morning. Is anything in your way?',
  },
  steps: [
    {
      by: 'mo',
      at: '1d 08:41',
      as: 'disk',
      text: 'The staging server needs a larger disk before I import the Acme content. Otherwise all good.',
    },
    {
      by: 'luis',
      at: '1d 08:44',
      text: 'I am between lamps for two days. Write to me here, I will not hear the phone.',
    },
    { by: 'ana', at: '1d 08:50', quote: 'disk', text: 'Go ahead, it is twelve a month.' },
    { by: 'mo', at: '1d 17:58', text: 'The disk is in, without a restart.' },
    {
      by: 'luis',
      at: '64m',
      as: 'glass',
      text: 'The first lamps are done and look lovely. The glass ones take twice as long because of the reflections, I need half a day more.',
    },
    {
      by: 'ana',
      at: '58m',
      quote: 'glass',
      text: 'Take it. I would rather tell Priya now than show her reflections later.',
    },
  ],
  unread: { luis: 1 },
}

const icons: DemoConversation = {
  key: 'luis-mo',
  kind: 'internal',
  direct: true,
  people: ['luis', 'mo'],
  opening: { by: 'luis', at: '2d 13:05', text: 'Do you want the Acme icons in one sprite, or as single files?' },
  steps: [
    {
      by: 'mo',
      at: '2d 13:11',
      text: 'Single files, the build does the rest. And please all on the 24 px grid, three of the last ones were 22.',
    },
    { by: 'luis', at: '2d 13:12', text: 'Guilty. The new set has 31 icons, all 24, in the folder now.' },
    { by: 'mo', at: '2d 13:40', text: 'They are in. The cart looks much better than the old one.' },
  ],
}

const logo: DemoConversation = {
  key: 'northwind-logo',
  kind: 'external',
  subject: 'Logo refresh',
  context: { type: 'project', id: 'northwind-logo', title: 'Northwind logo refresh', url: null },
  people: ['luis', 'ana', 'priya'],
  opening: {
    by: 'luis',
    at: '12d 10:30',
    text: 'Hi Priya, the final logo is ready: colour, one colour and white, each as SVG and PDF, and a one-page guide for your printers.',
  },
  steps: [
    {
      by: 'priya',
      at: '12d 11:02',
      text: 'It is beautiful. Our sign maker asks for the exact blue as a Pantone number.',
    },
    { by: 'luis', at: '12d 11:09', text: 'Pantone 2767 C. I have added it to the guide.' },
    { by: 'priya', at: '11d 09:14', text: 'Everything has arrived, the new sign goes up next week. Thank you all!' },
    { by: 'ana', at: '11d 09:20', text: 'Send us a photo of the sign, we would love to see it.' },
    { by: 'ana', at: '11d 09:21', status: 'closed' },
  ],
}

const fair: DemoConversation = {
  key: 'acme-fair',
  kind: 'external',
  subject: 'Trade fair stand',
  context: { type: 'project', id: 'acme-fair', title: 'Acme trade fair stand', url: null },
  people: ['ana', 'luis', 'dana'],
  opening: {
    by: 'ana',
    at: '30d 14:00',
    text: 'Hi Dana, the walls for the stand are printed and go straight to the hall.',
  },
  steps: [
    { by: 'dana', at: '30d 14:25', text: 'Great, our people build it up the evening before.' },
    { by: 'dana', at: '27d 10:10', text: 'The stand was packed all day. Two visitors even asked who made it!' },
    { by: 'luis', at: '27d 10:32', text: 'That makes my day. Shall we store the walls for next year?' },
    { by: 'dana', at: '27d 10:40', text: 'Yes please, the usual rate is fine.' },
    { by: 'ana', at: '26d 09:00', status: 'archived' },
  ],
}

/** Oldest first. */
export const demoConversations: readonly DemoConversation[] = [
  fair,
  logo,
  icons,
  photos,
  week,
  invoices,
  brochure,
  relaunch,
]
