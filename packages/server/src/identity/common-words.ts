const words = `
password passwort parola passord motdepasse contrasena contraseña senha heslo haslo sifre salasana wachtwoord kennwort
pass passw pwd passme mypass mypassword yourpassword newpassword changeme change default secret topsecret private
letmein letme open opensesame sesame welcome welcom hello hallo hola bonjour login logon signin access account admin
administrator root toor user guest test tester testing demo sample example temp temporary master manager super superuser
superman batman spiderman ironman hulk wolverine deadpool joker avengers starwars skywalker vader yoda trustno trustnoone
nothing noone whatever anything something everything forever always never qwerty qwertz azerty qwer asdf zxcv wasd
abc abcd abcde abcdef abcdefg abcdefgh xyz aaa zzz iloveyou iloveu loveyou ilove love lover loveme lovely mylove
loveforever truelove sweetheart honey baby babygirl babyboy angel princess queen king prince kitty kitten puppy dog
doggy cat cats monkey dragon tiger lion eagle falcon hawk wolf bear panda rabbit bunny horse pony dolphin shark snake
phoenix unicorn butterfly ladybug spider scorpion cheetah panther jaguar cobra viper raven turtle elephant chicken
football soccer futbol baseball basketball hockey tennis golf rugby cricket volleyball swimming running cycling skating
yankees cowboys steelers lakers bulls eagles packers patriots rangers dodgers redsox giants raiders chelsea arsenal
liverpool manchester united everton celtic barcelona barca madrid realmadrid juventus milan inter bayern dortmund ajax
benfica galatasaray fenerbahce besiktas ronaldo messi neymar beckham jordan kobe lebron tyson federer schumacher
michael jennifer jessica ashley amanda andrew anthony daniel david matthew joshua robert william james john joseph
thomas charles christopher christian nicholas nicole michelle melissa stephanie samantha elizabeth victoria alexander
alexandra alexandre alexis andrea angela angelica anna maria marie sofia sophia sophie emma emily olivia isabella
charlotte chloe hannah sarah rachel rebecca laura lauren linda lisa karen nancy susan sandra patricia barbara maggie
george harley hunter ranger buster charlie max bailey buddy lucky shadow rocky jack jackson jake oliver oscar sammy
bella molly daisy lucy coco ginger pepper cookie peanut muffin cupcake chocolate vanilla caramel candy sugar sweety
sweetie cherry apple banana orange lemon mango peach strawberry blueberry pineapple tomato potato cheese pizza burger
bacon butter coffee whiskey vodka tequila corona heineken guinness cocacola pepsi
carlos jose juan miguel antonio francisco manuel pedro pablo diego alejandro fernando rodrigo ricardo eduardo gabriel
rafael lucas mateo valentina camila daniela paola carolina natalia veronica gustavo marcos felipe bruno thiago joao
ahmed mohamed mohammed muhammad ali omar hassan ibrahim mustafa mehmet fatma ayse zeynep yusuf krishna ganesh shiva
sairam hanuman rahul priya pooja neha amit vijay rajesh suresh lakshmi india pakistan bangladesh indonesia philippines
malaysia singapore thailand vietnam china japan tokyo korea seoul australia sydney melbourne canada toronto america
usa newyork texas dallas houston chicago boston california florida miami lasvegas hawaii london england scotland ireland
wales france paris germany berlin hamburg muenchen munich austria vienna schweiz italia italy roma napoli spain espana
portugal lisboa brasil brazil mexico argentina colombia chile peru venezuela turkey istanbul greece athens russia moscow
moskva ukraine poland polska warszawa hungary romania bulgaria serbia croatia sweden norway denmark finland
january february march april may june july august september october november december monday tuesday wednesday
thursday friday saturday sunday januar februar maerz juni juli oktober dezember montag dienstag mittwoch donnerstag
freitag samstag sonntag spring summer autumn fall winter fruehling sommer herbst sommer sunshine sunset sunny sunflower
rainbow rain snow snowball snowman storm thunder lightning fire water earth wind ocean river mountain forest garden
flower flowers rose lily violet jasmine jasmin tulip star stars starlight moon moonlight galaxy space cosmos planet
saturn jupiter venus neptune mercury apollo zeus athena hercules spartan spartacus gladiator warrior samurai ninja
shogun knight wizard merlin gandalf frodo hobbit legolas hogwarts harrypotter potter dumbledore voldemort slytherin
gryffindor pokemon pikachu charizard naruto sasuke goku dragonball vegeta sakura itachi onepiece luffy mario luigi zelda
sonic tetris minecraft roblox fortnite warcraft starcraft diablo overwatch counterstrike counter strike halo callofduty
playstation nintendo xbox gamer gaming player playboy playgirl hacker matrix trinity neo morpheus terminator predator
alien aliens rambo godfather scarface titanic avatar frozen elsa simba nemo shrek garfield snoopy scooby mickey minnie
disney donald pluto goofy tinkerbell barbie kermit elmo simpsons homer bart southpark cartman
metallica nirvana slipknot acdc ironmaiden korn greenday blink eminem tupac rihanna shakira madonna beyonce beatles
queen rolling stones elvis marley bobmarley hendrix guitar piano drummer music musica dance dancer disco rockstar
rocknroll hiphop techno trance metal punk blues jazz
ferrari porsche mercedes bmw audi mustang corvette camaro chevy chevrolet dodge toyota honda yamaha kawasaki suzuki
ducati harleydavidson nissan subaru lexus volvo volkswagen jeep hummer lamborghini maserati tesla
computer laptop internet network server system windows linux ubuntu debian macintosh iphone android samsung nokia
motorola google facebook twitter instagram youtube gmail yahoo hotmail outlook microsoft oracle cisco amazon netflix
linkedin myspace skype whatsapp telegram tiktok adobe photoshop dropbox parley wordpress joomla mysql postgres redis
docker database backup support service helpdesk office business company enterprise corporate finance sales marketing
school college university student teacher doctor nurse police soldier army navy marine marines airforce military
freedom liberty peace justice victory success winner champion champ legend hero power energy magic mystery destiny
fortune lucky777 jackpot money cash dollar million billionaire rich diamond gold golden silver platinum bronze crystal
pearl ruby emerald sapphire treasure
jesus christ jesuschrist christian jehovah god godisgood godislove blessed blessing faith hope grace heaven angels
church bible allah bismillah buddha inshallah amen prayer savior lord
family mother father mommy daddy mama papa mom dad sister brother friend friends friendship bestfriend grandma
children boyfriend girlfriend husband wife marriage wedding birthday happy happiness smile smiley laugh crazy funny cool
coolguy cooldude awesome amazing beautiful pretty sexy sexygirl hottie handsome cutie cute lovebug bigboy badboy badgirl
goodgirl goodboy bigdog topdog tophat topgun maverick iceman goose viper cowboy pirate captain major general
colonel sergeant bond jamesbond agent secretagent spy fuck fucker fuckyou fuckoff fuckme asshole bitch bastard shit
bullshit dick pussy porn naked nude boobs tits hooters hardcore bigdick cunt damn devil demon satan lucifer evil killer
death dead ghost zombie vampire dracula monster beast creature animal wild savage
black white red blue green yellow purple pink brown grey silver orange turquoise one two three four five six seven
eight nine ten hundred thousand million first second third number
blahblah blah foobar foo bar test123 pass123 asd qaz wsx qazwsx qwe zaq xsw zaqxsw poiuy mnbvc lkjhg
please thankyou thanks sorry goodbye bye hellokitty helloworld world hellohello goodluck goodmorning goodnight
`

/**
 * What people put at the heart of a password first: guessing lists are these words with digits, signs and look-alike
 * letters added. Every word therefore stands for hundreds of entries of such a list.
 */
export const commonWords: readonly string[] = words.split(/\s+/).filter(Boolean)
