// Tries the link to the bridge step by step and prints each result into the Experts log. Sends no order.
#property copyright "Natron"
#property version   "1.00"
#property script_show_inputs

#include <Natron\SignalReader.mqh>

input string Host = "127.0.0.1";  // Bridge: address
input int SignalsPort = 5555;     // Bridge: port of signals
input int RequestsPort = 5556;    // Bridge: port of requests
input string User = "";           // User (empty: none needed)
input string Password = "";       // Password
input string BridgeKey = "";      // Key of the bridge (64 hex digits)
input string ClientKey = "";      // Key of this client (64 hex digits)
input string ClientId = "ea";      // Name of this client
input int Seconds = 20;           // Give up after so many seconds

void Step(const string name,const bool good,const string detail)
  {
   Print("Natron self-test: ",name," ",good ? "ok" : "FAILED"," ",detail);
  }

//--- the hash's published example, so that a broken CryptEncode is not mistaken for a wrong key
bool HashIsRight(void)
  {
   CByteBuffer text;
   text.AddText("abc");
   return(CHmac::Digest(text)=="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  }

void OnStart(void)
  {
   SNatronSettings s;
   CLineCodec codec;
   CSignalReader reader;
   SLine line;
   ENUM_ORIGIN origin=ORIGIN_LIVE;
   s.host=Host;
   s.signals_port=SignalsPort;
   s.requests_port=RequestsPort;
   s.user=User;
   s.password=Password;
   s.bridge_key=BridgeKey;
   s.client_key=ClientKey;
   s.client=ClientId;
   s.symbol=CNameCode::Encode(_Symbol);
   Step("SHA-256",HashIsRight(),"");
   bool keys=codec.SetKeys(BridgeKey,ClientKey);
   Step("keys",keys,keys ? "" : "each must be 64 lower-case hex digits");
   bool client=CLineCodec::ClientIsGood(ClientId);
   Step("client",client,client ? ClientId : "ClientId must be 1 to 32 of A-Za-z0-9_-");
   Step("symbol",s.symbol!="",s.symbol);
   if(!keys || !client || s.symbol=="")
      return;
   reader.Configure(s);
   string link="";
   ulong end=GetTickCount64()+(ulong)Seconds*1000;
   while(!IsStopped() && GetTickCount64()<end && (!reader.InStep() || reader.SilentS()<0))
     {
      reader.Poll();
      while(reader.Next(line,origin))
         Print("Natron self-test: signal ",line.id);
      if(reader.Link()!=link)
        {
         link=reader.Link();
         Print("Natron self-test: ",link);
        }
      Sleep(20);
     }
   Step("link",reader.InStep(),link);
   Step("signatures",reader.JunkLines()==0,reader.LastJunk());
   Step("heartbeat",reader.SilentS()>=0,"");
   if(reader.ClockKnown())
     {
      long skew=reader.NowMs()/1000-(long)TimeGMT();
      Step("clock",skew<60 && skew>-60,IntegerToString(skew)+" s apart");
     }
   reader.Close();
  }
